import { z } from 'zod'
import type { AdminBridge, AdminBridgeStatus, AdminParkedRecord } from '../admin-bridge.js'
import { bridgeNamed, mayPublishPersonalData, refuseTenant, withKafka, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import type { BridgeAction } from '../kinds/bridge-kinds.js'
import { addChangeRoute } from '../operations/change-route.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'
import { limit, measured, number, oneOf, text } from '../parse-request.js'
import { hiddenError, operableSchema, operableView, states } from '../projection-view.js'

const tag = 'bridges'
const parkedStatuses = ['failed', 'blocked'] as const
const bridgeSchema = operableSchema.extend({
  kind: z.literal('bridge'),
  failures: z.int().meta({ description: 'How often the batch that is next has failed' }),
  lanes: z.array(
    z.object({
      ...{ lane: z.int(), checkpoint: z.string(), state: z.enum(states), position: z.bigint(), lag: z.bigint() },
      ...{ owner: z.string().optional(), error: z.string().optional() },
    }),
  ),
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
  { action: 'drain', quick: false, summary: 'Publish what is in the log, and wait until groups have read it' },
]

/** Adds what looks at bridges and changes them; nothing where the server has none. */
export function addBridgeRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<BridgeAction, AnyOperationKind>,
): void {
  const { bridges } = context
  const viewOfBridge = async (bridge: AdminBridge, measureMs: number | undefined) => {
    const status = await bridge.status(measureMs === undefined ? {} : { measureMs })
    return bridgeView(bridge, status, mayPublishPersonalData(context, bridge))
  }
  routes.add({
    ...{ method: 'GET', url: '/bridges', role: 'viewer', tag, operationId: 'bridges.list' },
    summary: 'How far each bridge has come, and what holds it up',
    query: measured,
    answers: { 200: { description: 'All of them', schema: z.object({ data: z.array(bridgeSchema) }) } },
    handle: async ({ request, query: { measureMs } }) => {
      refuseTenant(request)
      return { data: await Promise.all(bridges.map((bridge) => viewOfBridge(bridge, measureMs))) }
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/bridges/:name', role: 'viewer', tag, operationId: 'bridges.get' },
    summary: 'All that is known of a bridge',
    query: measured,
    answers: { 200: { description: 'The bridge', schema: bridgeSchema } },
    problems: [404],
    handle: async ({ request, query: { measureMs }, params: { name = '' } }) => {
      refuseTenant(request)
      return viewOfBridge(bridgeNamed(context, name), measureMs)
    },
  })
  routes.add({
    ...{ method: 'GET', url: '/bridges/:name/parked', role: 'viewer', tag, operationId: 'bridges.parked' },
    summary: 'Events that a bridge has set aside, in the order of the log',
    query: z.object({
      ...{ after: number.optional(), key: text.optional(), status: oneOf(parkedStatuses).optional() },
      limit,
    }),
    answers: {
      200: {
        description: 'One page',
        schema: z.object({
          data: z.array(
            z.object({
              bridge: z.string(),
              position: z.bigint(),
              status: z.enum(parkedStatuses),
              eventId: z.string(),
              tenant: z.string().optional(),
              streamId: z.string(),
              version: z.bigint(),
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
    handle: async ({ request, query: { after, key, status, limit: size }, params: { name = '' } }) => {
      refuseTenant(request)
      const bridge = bridgeNamed(context, name)
      const hides = mayPublishPersonalData(context, bridge)
      const parked = await bridge.parked({
        ...{ limit: size, ...(after !== undefined && { after }) },
        ...{ ...(key !== undefined && { key }), ...(status && { status }) },
      })
      return {
        data: parked.map((record) => parkedView(record, hides)),
        page: { next: parked.length === size ? (parked.at(-1)?.position ?? null) : null },
      }
    },
  })
  for (const { action, quick, summary } of changes) {
    addChangeRoute(routes, context, {
      ...{ url: `/bridges/:name/${action}`, role: 'operator', tag, summary, quick, kind: kinds[action] },
      aim: async ({ name = '' }, request) => {
        refuseTenant(request)
        const bridge = bridgeNamed(context, name)
        if (action !== 'pause' && action !== 'resume') withKafka(bridge, action, `${action} bridge`)
        return { target: bridge.name }
      },
    })
  }
}

function bridgeView(
  { topics }: AdminBridge,
  status: AdminBridgeStatus,
  hidesErrors: boolean,
): z.output<typeof bridgeSchema> {
  const { kind, failures, parkedKeys, parkedEvents, oldestUnsentMs } = status
  const lanes = status.lanes.map(({ lane, checkpoint, state, position, lag, owner, error }) => {
    const shown = hidesErrors && state !== 'paused' ? hiddenError : error
    return {
      ...{ lane, checkpoint, state, position, lag, ...(owner !== undefined && { owner }) },
      ...(error !== undefined && shown !== undefined && { error: shown }),
    }
  })
  return {
    ...operableView(status, hidesErrors),
    ...{ kind, failures, lanes, topics: [...topics], parkedKeys, parkedEvents, oldestUnsentMs },
  }
}

function parkedView(record: AdminParkedRecord, hidesErrors: boolean) {
  const { bridge, position, status, eventId, tenant, streamId, version, type, key, error, attempts, parkedAt } = record
  return {
    ...{ bridge, position, status, eventId, streamId, version, type, attempts, parkedAt },
    ...(tenant !== undefined && { tenant }),
    ...(key !== undefined && { key }),
    ...(error && {
      error: {
        ...(error.code !== undefined && { code: error.code }),
        message: hidesErrors ? hiddenError : error.message,
      },
    }),
  }
}
