import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ProblemError } from '../errors.js'
import { problemMediaType } from './problem-media-type.js'
import { problemOfError } from './problem-of-error.js'
import { problemTypes } from './problem-types.js'
import { traceIdOf } from './trace-context.js'

export interface ProblemResponseOptions {
  /** What the `type` of a problem starts with, before its name: `/problems/` unless said. */
  readonly problemBase?: string
}

/** Makes every error of a Fastify context a problem of RFC 9457; what is our fault is logged with its cause. */
export function answerWithProblems(app: FastifyInstance, { problemBase = '/problems/' }: ProblemResponseOptions): void {
  app.setErrorHandler((error, request, reply) => sendProblem(request, reply, problemOfError(error), problemBase))
}

/** Sends a problem; never what the database or a stack says, which only the log gets. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  problem: ProblemError,
  problemBase = '/problems/',
): FastifyReply {
  const { status } = problemTypes[problem.problem]
  const traceId = traceIdOf(request)
  if (status >= 500) {
    const fields = { err: problem.cause ?? problem, traceId, method: request.method, path: pathOf(request) }
    if (status === 500) request.log.error(fields, 'a request failed')
    else request.log.warn(fields, problem.message)
  }
  return reply
    .code(status)
    .headers({ ...problem.headers, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
    .type(problemMediaType)
    .serializer((body: string) => body)
    .send(JSON.stringify(problemJson(problem, { problemBase, instance: pathOf(request), traceId })))
}

/** The JSON of a problem. */
export function problemJson(
  { problem, message, errors, members }: ProblemError,
  { problemBase, instance, traceId }: { problemBase: string; instance: string; traceId: string },
): object {
  const { status, title } = problemTypes[problem]
  return {
    ...members,
    type: `${problemBase}${problem}`,
    title,
    status,
    detail: message,
    instance,
    traceId,
    ...(errors.length > 0 && { errors }),
  }
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url
}
