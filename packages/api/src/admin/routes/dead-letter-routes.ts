import { groupParked, listParked, tryParked, type ParkedEvent } from '@tidemark/projections'
import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { mayHoldPersonalData, modeOf, projectionNamed, refuseTenant, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { errorOf, selected } from '../kinds/dead-letter-kinds.js'
import { addChangeRoute } from '../operations/change-route.js'
import { asRefusal } from '../operations/failure-of.js'
import type { AnyOperationKind } from '../operations/operation-kind.js'
import { isStorable, limit, oneOf, text } from '../parse-request.js'
import { lesserMode, payloadModes, viewOf } from '../payload-view.js'

const tag = 'dead letters'
const error = z.object({
  code: z.string().optional(),
  message: z.string(),
  stack: z.string().optional(),
  fingerprint: z.string(),
})

const parkedSchema = z.object({
  projection: z.string(),
  consumer: z.string().meta({ description: 'The table, or the handler at its version, that lacks the event' }),
  position: z.bigint(),
  status: z.enum(['failed', 'blocked', 'skipped']),
  eventId: z.string(),
  streamId: z.string(),
  tenant: z.string().optional(),
  version: z.bigint(),
  type: z.string(),
  keys: z.array(z.string()),
  error: error.optional(),
  attempts: z.int(),
  blocks: z.int().meta({ description: 'How many later events of its stream wait for it' }),
  reason: z.string().optional(),
  parkedAt: z.date(),
})

const hidden = 'the message may hold personal data: the log of the process that met it has it'

/** Adds what looks at events that projections have set aside, and what tries, retries and skips them. */
export function addDeadLetterRoutes(
  routes: AdminRoutes,
  context: AdminContext,
  kinds: Record<'retry' | 'skip', AnyOperationKind>,
): void {
  const { readModels, projections, payloads } = context
  const hides = (name: string) => {
    const projection = projections.find((each) => each.name === name)
    return !projection || mayHoldPersonalData(projection)
  }
  const parkedAt = async (name: string, position: string): Promise<ParkedEvent[]> => {
    if (!isStorable(name) || !isPosition(position)) return []
    return listParked(readModels, { projection: name, positions: [BigInt(position)] })
  }
  const viewOfParked = (event: ParkedEvent): z.output<typeof parkedSchema> => ({
    ...{ projection: event.projection, consumer: event.consumer, position: event.position, status: event.status },
    ...{ eventId: event.eventId, streamId: event.streamId, version: event.version, type: event.type },
    ...{ keys: [...event.keys], attempts: event.attempts, blocks: event.blocks, parkedAt: event.parkedAt },
    ...(event.tenant !== undefined && { tenant: event.tenant }),
    ...(event.reason !== undefined && { reason: event.reason }),
    ...(event.error && { error: errorView(event.error, hides(event.projection)) }),
  })

  routes.add({
    ...{ method: 'GET', url: '/dead-letters', role: 'viewer', tag, operationId: 'deadLetters.list' },
    summary: 'Events that projections have set aside, in the order of the log',
    query: z.object({
      projection: text.optional(),
      fingerprint: text.optional(),
      status: oneOf(['failed', 'blocked', 'skipped']).optional(),
      after: text.regex(/^\d{1,18}:./, 'takes page.next of the page before').optional(),
      limit,
    }),
    answers: {
      200: {
        description: 'One page',
        schema: z.object({ data: z.array(parkedSchema), page: z.object({ next: z.string().nullable() }) }),
      },
    },
    problems: [404],
    handle: async ({ request, query: { after, limit: size, projection, fingerprint, status } }) => {
      refuseTenant(request)
      const selection = {
        ...(projection !== undefined && { projection }),
        ...(fingerprint !== undefined && { fingerprint }),
        ...(status && { status }),
      }
      const [position = '', ...consumer] = after?.split(':') ?? []
      const place = after === undefined ? {} : { after: { position: BigInt(position), consumer: consumer.join(':') } }
      const events = await listParked(readModels, selection, { limit: size, ...place })
      if (events.length === 0 && projection !== undefined) projectionNamed(context, projection)
      const last = events.length === size ? events.at(-1) : undefined
      return {
        data: events.map(viewOfParked),
        page: { next: last ? `${last.position}:${last.consumer}` : null },
      }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/dead-letters/groups', role: 'viewer', tag, operationId: 'deadLetters.groups' },
    summary: 'What events failed at, alike failures together, the most frequent first',
    query: z.object({ projection: text.optional() }),
    answers: {
      200: {
        description: 'All of them',
        schema: z.object({
          data: z.array(
            z.object({
              ...{ projection: z.string(), fingerprint: z.string(), type: z.string(), error: z.string() },
              ...{ failed: z.int(), streams: z.int(), blocked: z.int() },
              firstPosition: z.bigint(),
              lastAt: z.date(),
            }),
          ),
        }),
      },
    },
    problems: [404],
    handle: async ({ request, query: { projection } }) => {
      refuseTenant(request)
      const groups = await groupParked(readModels, projection === undefined ? {} : { projection })
      if (groups.length === 0 && projection !== undefined) projectionNamed(context, projection)
      return {
        data: groups.map((group) => ({ ...group, error: hides(group.projection) ? hidden : group.error })),
      }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/dead-letters/:name/:position', role: 'viewer', tag, operationId: 'deadLetters.get' },
    summary: 'An event that a projection has set aside, for each table that lacks it',
    answers: { 200: { description: 'The event', schema: z.object({ data: z.array(parkedSchema) }) } },
    problems: [404],
    handle: async ({ request, params: { name = '', position = '' } }) => {
      refuseTenant(request)
      const events = await parkedAt(name, position)
      if (events.length === 0) throw notParked(projectionNamed(context, name).name, position)
      return { data: events.map(viewOfParked) }
    },
  })

  routes.add({
    ...{
      method: 'POST',
      url: '/dead-letters/:name/:position/try',
      role: 'operator',
      tag,
      operationId: 'deadLetters.try',
    },
    summary: 'Run a parked event through the code of today in a transaction that is rolled back',
    query: z.object({ payloads: oneOf(payloadModes).optional() }),
    answers: {
      200: {
        description: 'What would become of it; nothing was changed',
        schema: z.object({
          passes: z.boolean(),
          error: z.object({ code: z.string(), message: z.string() }).optional(),
          rows: z.array(
            z.object({
              key: z.union([z.string(), z.number()]),
              before: z.unknown().optional(),
              after: z.unknown().optional(),
            }),
          ),
          alike: z.object({ tried: z.int(), passing: z.int() }),
        }),
      },
    },
    problems: [404, 409],
    handle: async ({ request, query, params: { name = '', position = '' } }) => {
      refuseTenant(request)
      const projection = projectionNamed(context, name)
      const hide = mayHoldPersonalData(projection)
      const asked = modeOf(request, query.payloads, payloads)
      // Nobody could tell which columns are made of personal data.
      const mode = hide ? lesserMode(asked, 'masked') : asked
      const trial = await tryParked(readModels, projection, positionOf(name, position)).catch((cause: unknown) => {
        throw asRefusal(cause, hide)
      })
      if (!trial) throw notParked(name, position)
      return {
        passes: trial.passes,
        ...(trial.error && { error: errorOf(trial.error, hide) }),
        rows: trial.rows.slice(0, 100).map(({ key, before, after }) => ({
          key,
          ...(mode !== 'none' && { before: viewOf(before, mode), after: viewOf(after, mode) }),
        })),
        alike: trial.alike,
      }
    },
  })

  for (const [action, summary] of [
    ['retry', 'Handle parked events again, and those that wait for them'],
    ['skip', 'Leave parked events out for good, and handle those that wait for them'],
  ] as const) {
    addChangeRoute(routes, context, {
      ...{ url: `/dead-letters/:name/${action}`, role: 'operator', tag, summary, quick: false, kind: kinds[action] },
      aim: async ({ name = '' }, request, body) => {
        refuseTenant(request)
        selected(body)
        return { target: projectionNamed(context, name).name }
      },
    })
  }
}

function errorView({ code, message, stack, fingerprint }: NonNullable<ParkedEvent['error']>, hide: boolean) {
  if (hide) return { ...(code !== undefined && { code }), message: hidden, fingerprint }
  return { ...(code !== undefined && { code }), message, ...(stack !== undefined && { stack }), fingerprint }
}

function positionOf(name: string, position: string): bigint {
  if (isPosition(position)) return BigInt(position)
  throw notParked(name, position)
}

const isPosition = (text: string) => /^\d{1,18}$/.test(text)

function notParked(name: string, position: string): ProblemError {
  const detail = `projection "${name}" has set no event aside at position ${position.slice(0, 40)}`
  return new ProblemError('parked-event-not-found', detail)
}
