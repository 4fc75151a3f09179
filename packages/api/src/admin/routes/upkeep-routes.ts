import { compareSchemas, listSchemas, type SchemaCheck } from '@tidemark/eventstore'
import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { scopeOf, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { auditStreamId } from '../audit-log.js'
import { addChangeRoute } from '../operations/change-route.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'
import { isStorable, oneOf, text } from '../parse-request.js'
import { newestVersion } from '../stream-state.js'

const compatibilities = ['backward', 'forward', 'full', 'none'] as const

const registeredSchema = z.object({
  ...{ category: z.string(), type: z.string(), schemaVersion: z.int(), revision: z.int() },
  schema: z.unknown(),
  compatibility: z.enum(compatibilities),
  registeredAt: z.date(),
})

/** Adds what truncates streams and forgets data subjects, and what looks at schemas. */
export function addUpkeepRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<'truncate' | 'forget', AnyOperationKind>,
): void {
  const { store, aggregates, schemaCompatibility } = context
  addChangeRoute(routes, context, {
    ...{ url: '/streams/:id/truncate', role: 'admin', tag: 'streams', quick: true, kind: kinds.truncate },
    summary: 'Delete the first events of a stream for ever; read them before, for nothing archives them here',
    aim: async ({ id = '' }, request, body) => {
      const { streams, tenant } = await scopeOf(context, request, askedTenant(body))
      if (id === auditStreamId) throw new ProblemError('action-refused', 'the audit stream is kept as a whole')
      await newestVersion(streams, id)
      return { target: id, ...(tenant !== undefined && { input: { tenant } }) }
    },
  })
  addChangeRoute(routes, context, {
    ...{ url: '/subjects/:id/forget', role: 'admin', tag: 'subjects', quick: true, kind: kinds.forget },
    summary: 'Make the personal data of one data subject unreadable for ever',
    aim: async ({ id = '' }, request, body) => {
      const { tenant } = await scopeOf(context, request, askedTenant(body))
      if (id.trim() === '' || id.length > 620 || !isStorable(id))
        throw new ProblemError('invalid-id', 'no data subject can have that id')
      return { target: id, ...(tenant !== undefined && { input: { tenant } }) }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/schemas', role: 'viewer', tag: 'schemas', operationId: 'schemas.list' },
    summary: 'The schemas of events that releases registered, in the order in which they did',
    query: z.object({ category: text.optional() }),
    answers: {
      200: {
        description: 'All of them',
        schema: z.object({
          data: z.array(registeredSchema),
        }),
      },
    },
    handle: async ({ query: { category } }) => ({
      data: await listSchemas(store, category === undefined ? undefined : [category]),
    }),
  })

  routes.add({
    ...{ method: 'GET', url: '/schemas/check', role: 'viewer', tag: 'schemas', operationId: 'schemas.check' },
    summary: 'How the events in code stand to what was registered; registers nothing',
    query: z.object({
      compatibility: oneOf(compatibilities)
        .optional()
        .meta({ description: 'What a change must keep working; what the server is set to unless said' }),
    }),
    answers: {
      200: {
        description: 'One entry for each type',
        schema: z.object({
          compatible: z.boolean(),
          data: z.array(
            z.object({
              ...{ category: z.string(), type: z.string(), schemaVersion: z.int() },
              status: z.enum(['new', 'unchanged', 'compatible', 'raised', 'older', 'incompatible', 'dropped']),
              differences: z.array(z.looseObject({ direction: z.enum(['backward', 'forward']), path: z.string() })),
              schema: z
                .unknown()
                .optional()
                .meta({ description: 'That of the code; left out where the type was dropped' }),
              registered: registeredSchema.optional().meta({ description: 'The newest of this version, or of all' }),
            }),
          ),
        }),
      },
    },
    handle: async ({ query: { compatibility = schemaCompatibility } }) => {
      const checks = await compareSchemas(store, aggregates, compatibility)
      return {
        compatible: checks.every(({ status }) => status !== 'incompatible' && status !== 'dropped'),
        data: checks.map(checkView),
      }
    },
  })
}

function checkView({ schema, registered, ...check }: SchemaCheck) {
  return { ...check, ...(schema !== undefined && { schema }), ...(registered && { registered }) }
}

function askedTenant({ tenant }: Readonly<Record<string, unknown>>): { tenant?: string } {
  return typeof tenant === 'string' ? { tenant } : {}
}
