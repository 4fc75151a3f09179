import { z } from 'zod'
import type { AdminBridge, AdminBridgeStatus } from '../admin-bridge.js'
import { bridgeNamed, refuseTenant, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import type { BridgeAction } from '../kinds/bridge-kinds.js'
import { addChangeRoute } from '../operations/change-route.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'
import { limit, number } from '../parse-request.js'
import { operableSchema, operableView } from '../projection-view.js'

const tag = 'bridges'
const bridgeSchema = operableSchema.extend({
  topics: z.array(z.string()),
  parkedKeys: z.int(),
  parkedEvents: z.int(),
  oldestUnsentMs: z.number(),
})

const changes: readonly { action: BridgeAction; quick: boolean; summary: string }[] = [
  { action: 'pause', quick: true, summary: 'Let a bridge stand still, whichever processes run it' },
  { action: 'resume', quick: true, summary: 'Let a bridge go on that was paused, or that halted' },
  { action: 'retry', quick: false, summary: 'Publish parked events again, in order' },
  { action: 'replay', quick: false, summary: 'Publish a part of the log again, beside the live flow' },
]

/** Adds what looks at bridges and changes them; nothing where the server has none. */
export function addBridgeRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<BridgeAction, AnyOperationKind>,
): void {
  const { bridges } = context
  const viewOfBridge = async (bridge: AdminBridge) => bridgeView(bridge, await bridge.status())
  routes.add({
    ...{ method: 'GET', url: '/bridges', role: 'viewer', tag, operationId: 'bridges.list' },
    summary: 'How far each bridge has come, and what holds it up',
    answers: { 200: { description: 'All of them', schema: z.object({ data: z.array(bridgeSchema) }) } },
    handle: async ({ request }) => {
      refuseTenant(request)
      return { data: await Promise.all(bridges.map(viewOfBridge)) }
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/bridges/:name', role: 'viewer', tag, operationId: 'bridges.get' },
    summary: 'All that is known of a bridge',
    answers: { 200: { description: 'The bridge', schema: bridgeSchema } },
    problems: [404],
    handle: async ({ request, params: { name = '' } }) => {
      refuseTenant(request)
      return viewOfBridge(bridgeNamed(context, name))
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/bridges/:name/parked', role: 'viewer', tag, operationId: 'bridges.parked' },
    summary: 'Events that a bridge has set aside, in the order of the log',
    query: z.object({ after: number.optional(), limit }),
    answers: {
      200: {
        description: 'One page',
        schema: z.object({
          data: z.array(
            z.object({
              position: z.bigint(),
              status: z.enum(['failed', 'blocked']),
              eventId: z.string(),
              streamId: z.string(),
              type: z.string(),
              key: z.string().optional(),
              error: z.object({ code: z.string().optional(), message: z.string() }).optional(),
              attempts: z.int(),
              parkedAt: z.date(),
            }),
          ),
          page: z.object({ next: z.bigint().nullable() }),
        }),
      },
    },
    problems: [404],
    handle: async ({ request, query: { after, limit: size }, params: { name = '' } }) => {
      refuseTenant(request)
      const bridge = bridgeNamed(context, name)
      const parked = await bridge.parked({ limit: size, ...(after !== undefined && { after }) })
      const data = parked.map(({ position, status, eventId, streamId, type, key, error, attempts, parkedAt }) => ({
        ...{ position, status, eventId, streamId, type, attempts, parkedAt },
        ...(key !== undefined && { key }),
        ...(error && { error: { ...(error.code !== undefined && { code: error.code }), message: error.message } }),
      }))
      return { data, page: { next: parked.length === size ? (parked.at(-1)?.position ?? null) : null } }
    },
  })
  for (const { action, quick, summary } of changes) {
    addChangeRoute(routes, context, {
      ...{ url: `/bridges/:name/${action}`, role: 'operator', tag, summary, quick, kind: kinds[action] },
      aim: async ({ name = '' }, request) => {
        refuseTenant(request)
        return { target: bridgeNamed(context, name).name }
      },
    })
  }
}

function bridgeView({ topics }: AdminBridge, status: AdminBridgeStatus): z.output<typeof bridgeSchema> {
  const { parkedKeys, parkedEvents, oldestUnsentMs } = status
  return { ...operableView(status, false), topics: [...topics], parkedKeys, parkedEvents, oldestUnsentMs }
}
