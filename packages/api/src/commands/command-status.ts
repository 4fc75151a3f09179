import type { Database } from '@tidemark/eventstore'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { validate } from 'uuid'
import { principalOf } from '../auth/guard.js'
import { ProblemError } from '../errors.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import { problemTypes } from '../http/problem-types.js'
import { documentCommandStatus } from './command-document.js'
import type { RefusedCommand } from './command-outcome.js'
import { selectCommandRequest } from './sql/select-command-request.js'
import type { CallersStreams } from './streams-of-caller.js'

interface Context {
  readonly database: Database
  readonly streams: CallersStreams
  readonly problemBase: string
}

/** Serves what became of commands: `GET commands/{id}`, for as long as it is kept, to callers of the same tenant. */
export function serveCommandStatus(app: FastifyInstance, context: Context): void {
  const url = '/commands/:id'
  app.get<{ Params: { id: string } }>(url, { schema: documentCommandStatus() }, (request, reply) =>
    sendStatus(context, request, reply),
  )
  refuseOtherMethods(app, url, ['GET'])
}

async function sendStatus(
  { database, streams, problemBase }: Context,
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const id = request.params.id.toLowerCase()
  const { tenant } = await streams.of(principalOf(request))
  const found = validate(id) ? await selectCommandRequest(database, tenant, id) : undefined
  if (!found) {
    const detail =
      'no command of this id is remembered: it was never sent with an id, or long ago, or by another tenant'
    throw new ProblemError('command-not-found', detail)
  }
  const { state, streamId, command, outcome, sentAt, expiresAt } = found
  const status = { id, status: state, streamId, command, sentAt, expiresAt }
  void reply.header('cache-control', 'no-store')
  if (!outcome) return reply.header('retry-after', '1').send(status)
  if ('problem' in outcome) return reply.send({ ...status, problem: problemOf(outcome, problemBase) })
  const { version, position, events, token } = outcome
  return reply
    .headers({ etag: `"${version}"`, 'consistency-token': token })
    .send({ ...status, outcome: { streamId, version, position, events } })
}

function problemOf({ problem, detail, errors, members }: RefusedCommand, problemBase: string): object {
  const { status, title } = problemTypes[problem] ?? problemTypes.internal
  return {
    ...members,
    ...{ type: `${problemBase}${problem}`, title, status, detail },
    ...(errors.length > 0 && { errors }),
  }
}
