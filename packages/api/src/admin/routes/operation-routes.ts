import { isUuid } from '@tidemark/eventstore'
import { z } from 'zod'
import { principalOf } from '../../auth/guard.js'
import { ProblemError } from '../../errors.js'
import { quoted } from '../../http/nearest-name.js'
import { refuseTenant, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { auditedBy } from '../operations/change-route.js'
import { operationSchema, operationView } from '../operations/operation-view.js'
import { hasEnded, operationStatuses, type StoredOperation } from '../operations/operation.js'
import { limit, number, oneOf, reasonOnly, text } from '../parse-request.js'
import { selectOperation, selectOperations } from '../sql/operation-statements.js'

const tag = 'operations'

/** Adds what looks at operations and ends them, and the audit. */
export function addOperationRoutes(routes: AdminRoutes, context: AdminContext): void {
  const { store, runner, audit } = context
  const operationOf = async (id: string) => {
    const found = isUuid(id) ? await selectOperation(store.database, id) : undefined
    if (!found) throw unknownOperation(id)
    return found
  }

  routes.add({
    ...{ method: 'GET', url: '/operations', role: 'viewer', tag, operationId: 'operations.list' },
    summary: 'Changes and long work, the newest first',
    query: z.object({
      status: z.array(oneOf(operationStatuses)).max(5).optional(),
      ...{ kind: text.optional(), target: text.optional() },
      after: z.uuid('takes page.next of the page before').optional(),
      limit,
    }),
    answers: {
      200: {
        description: 'One page',
        schema: z.object({ data: z.array(operationSchema), page: z.object({ next: z.string().nullable() }) }),
      },
    },
    handle: async ({ request, query }) => {
      refuseTenant(request)
      const found = await selectOperations(store.database, query)
      const next = found.length === query.limit ? (found.at(-1)?.id ?? null) : null
      return { data: found.map(operationView), page: { next } }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/operations/:id', role: 'viewer', tag, operationId: 'operations.get' },
    summary: 'How far an operation is',
    answers: { 200: { description: 'The operation', schema: operationSchema } },
    problems: [404],
    handle: async ({ request, params: { id = '' } }) => {
      const found = await operationOf(id)
      const { tenant } = principalOf(request)
      if (tenant !== undefined && tenantOf(found) !== tenant) throw unknownOperation(id)
      return operationView(found)
    },
  })

  routes.add({
    ...{ method: 'POST', url: '/operations/:id/cancel', role: 'operator', tag, operationId: 'operations.cancel' },
    summary: 'Ask for the end of an operation, wherever it runs',
    body: reasonOnly,
    answers: {
      200: { description: 'It has ended, or with dryRun: what would be ended', schema: operationSchema },
      202: { description: 'It ends at the next place at which it can', schema: operationSchema },
    },
    problems: [404, 409],
    handle: async ({ request, reply, params: { id = '' }, body: { reason, dryRun = false } }) => {
      refuseTenant(request)
      const found = await operationOf(id)
      const ended = () =>
        new ProblemError('operation-ended', `operation ${id} has ended already`, { members: { status: found.status } })
      if (hasEnded(found)) throw ended()
      if (dryRun) return operationView(found)
      const cancelled = await runner.cancel(id, { ...auditedBy(request, reason), action: 'operations.cancel' })
      if (!cancelled) throw ended()
      return reply.code(hasEnded(cancelled) ? 200 : 202).send(operationView(cancelled))
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/audit', role: 'viewer', tag, operationId: 'audit.list' },
    summary: 'Who changed what, when and why, the newest first',
    query: z.object({
      after: number.optional().meta({ description: 'page.next of the page before: entries of lower versions' }),
      limit,
    }),
    answers: {
      200: {
        description: 'One page; a change has an entry before it begins, and one when it has ended',
        schema: z.object({
          data: z.array(
            z.object({
              ...{ version: z.bigint(), position: z.bigint(), at: z.date() },
              ...{ operationId: z.string(), action: z.string(), target: z.string() },
              ...{ actor: z.string(), reason: z.string(), correlationId: z.string().optional() },
              outcome: z.enum(['requested', 'done', 'failed', 'cancelled']),
              parameters: z.unknown(),
              error: z.object({ code: z.string(), message: z.string() }).optional(),
            }),
          ),
          page: z.object({ next: z.bigint().nullable() }),
        }),
      },
    },
    handle: async ({ request, query: { after, limit: size } }) => {
      refuseTenant(request)
      const entries = await audit.list(after, size)
      const last = entries.length === size ? entries.at(-1)?.version : undefined
      return { data: entries, page: { next: last !== undefined && last > 1n ? last : null } }
    },
  })
}

function unknownOperation(id: string): ProblemError {
  return new ProblemError('unknown-operation', `there is no operation ${quoted(id)}`)
}

/** Whose streams an operation is about, where it is about those of one tenant. */
function tenantOf({ input }: StoredOperation): unknown {
  return typeof input === 'object' && input !== null && 'tenant' in input ? input.tenant : undefined
}
