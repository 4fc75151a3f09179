import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { principalOf } from '../../auth/guard.js'
import type { Role } from '../../auth/principal.js'
import { ProblemError } from '../../errors.js'
import { traceparentOf } from '../../http/trace-context.js'
import type { AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { reasonOnly } from '../parse-request.js'
import { selectActiveOperations } from '../sql/operation-statements.js'
import type { AnyOperationKind } from './operation-kind.js'
import { asRefusal, isRefusal } from './failure-of.js'
import { operationSchema, operationView } from './operation-view.js'
import { hasEnded, type Operation } from './operation.js'
import type { OperationOutcome } from './operation-runner.js'

/** How long a request waits for a change that is quick as a rule. */
const quickMs = 5000

/** A route that asks for an operation. */
export interface ChangeRoute {
  readonly url: string
  readonly role: Role
  readonly tag: string
  readonly summary: string
  readonly kind: AnyOperationKind
  /** Whether the answer waits for its end, up to five seconds. */
  readonly quick: boolean
  /** Checks what the request is about, and gives the operation's target; more of its input may come from the path. */
  readonly aim: (
    params: Readonly<Record<string, string>>,
    request: FastifyRequest,
    body: Readonly<Record<string, unknown>>,
  ) => Promise<{ readonly target: string; readonly input?: object }>
}

/**
 * Adds a route that begins an operation: 202 with its place, or 200 with what came of it where it is quick.
 *
 * `dryRun` says what would happen, and neither does nor notes anything. What changes nothing needs no reason.
 */
export function addChangeRoute(routes: AdminRoutes, context: AdminContext, route: ChangeRoute): void {
  const { url, role, tag, summary, kind, quick, aim } = route
  const { runner, store } = context
  const mayOnlyLook = !kind.changes({})
  const reason = mayOnlyLook ? reasonOnly.shape.reason.optional() : reasonOnly.shape.reason
  const body = z.object({ ...kind.input.shape, reason, dryRun: reasonOnly.shape.dryRun })
  const planned = z.object({ dryRun: z.literal(true), kind: z.string(), target: z.string(), plan: z.unknown() })
  routes.add({
    ...{ method: 'POST', url, role, tag, operationId: kind.kind, summary, body },
    answers: {
      200: {
        description: quick ? 'What was done; with dryRun what would be' : 'With dryRun: what would be done',
        schema: quick ? z.union([operationSchema, planned]) : planned,
      },
      202: { description: 'It goes on: its Location is where to look', schema: operationSchema },
    },
    problems: [404, 409, 422],
    handle: async ({ request, reply, params, body: parsed }) => {
      const { reason: why, dryRun = false } = parsed as { reason?: string; dryRun?: boolean }
      const { reason: _reason, dryRun: _dryRun, ...given } = (request.body ?? {}) as Record<string, unknown>
      const { target, input = {} } = await aim(params, request, parsed)
      const asked = { ...given, ...input }
      const checked = kind.input.parse(asked)
      const changes = kind.changes(checked)
      if (dryRun)
        return { dryRun, kind: kind.kind, target, plan: await refusing(kind, target, kind.plan(checked, target)) }
      if (changes && why === undefined) throw reasonMissing()
      const correlationId = correlationIdOf(request)
      void reply.header('x-correlation-id', correlationId)
      const stored = await runner.request({
        ...auditedBy(request, why ?? ''),
        ...{ kind, target, body: asked, changes, correlationId },
      })
      if (!stored) throw await alreadyActive(store.database, kind.kind, target)
      const outcome = quick ? await runner.outcomeWithin(stored.id, quickMs) : undefined
      const ended = outcome && endOf(outcome)
      const location = `${routes.prefix}/operations/${stored.id}`
      return reply
        .code(ended ? 200 : 202)
        .header('location', location)
        .send(operationView(ended ?? stored))
    },
  })
}

/** @throws what the operation failed at. */
function endOf({ operation, error }: OperationOutcome): Operation | undefined {
  if (!operation || !hasEnded(operation)) return undefined
  if (operation.status !== 'failed' || !operation.error) return operation
  if (error instanceof ProblemError) throw error
  const { code, message } = operation.error
  const members = { code, operation: operation.id }
  if (!isRefusal(error)) throw new ProblemError('internal', message, { cause: error, members })
  throw new ProblemError('action-refused', message, { cause: error, members })
}

/** A plan may be refused as the operation would be. */
async function refusing(kind: AnyOperationKind, target: string, plan: Promise<object>): Promise<object> {
  return plan.catch((error: unknown) => {
    throw asRefusal(error, kind.hidesErrors?.(target))
  })
}

async function alreadyActive(
  database: AdminContext['store']['database'],
  kind: string,
  target: string,
): Promise<ProblemError> {
  const [active] = await selectActiveOperations(database, [kind], target)
  const members = active ? { operation: active.id } : {}
  const detail = `${kind} of ${JSON.stringify(target)} is under way already: wait for it, or cancel it`
  return new ProblemError('operation-running', detail, { members })
}

function reasonMissing(): ProblemError {
  const detail = 'takes why it is done'
  return new ProblemError('invalid-input', `the body is not valid, nothing was done: /reason ${detail}`, {
    errors: [{ pointer: '/reason', detail }],
  })
}

/** Who asks for something, why, and in which conversation: for the audit stream. */
export function auditedBy(request: FastifyRequest, reason: string) {
  return {
    ...{ actor: principalOf(request).subject, reason },
    ...{ correlationId: correlationIdOf(request), traceparent: traceparentOf(request) },
  }
}

/** The caller's correlation id where it is usable, or a new one. */
export function correlationIdOf(request: FastifyRequest): string {
  const given = request.headers['x-correlation-id']
  return typeof given === 'string' && /^[\x21-\x7e]{1,200}$/.test(given) ? given : randomUUID()
}
