import { isUuid, selectEventsById, traceEvents } from '@tidemark/eventstore'
import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { quoted } from '../../http/nearest-name.js'
import { scopeOf, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { traceSchema, traceView } from '../trace-view.js'
import { eventTypesOf } from '../event-types.js'
import { eventSchema, eventView } from '../event-view.js'
import { limit, moment, number, oneOf, text } from '../parse-request.js'
import { payloadModes } from '../payload-view.js'
import { selectEvents } from '../sql/select-events.js'

const tag = 'events'
const payloads = oneOf(payloadModes).optional()
const tenant = text.optional()
const several = z.array(text).max(20, 'is given more than 20 times').optional()

/** How many positions one request looks at. */
const scanned = 50_000n

/** Adds what looks at events of the whole log. */
export function addEventRoutes(routes: AdminRoutes, context: AdminContext): void {
  const { store, aggregates, projections, bridges, consumers } = context
  routes.add({
    ...{ method: 'GET', url: '/events', role: 'viewer', tag, operationId: 'events.search' },
    summary:
      'Events of the log, by type, category, correlation, cause, actor or time; a page may be empty although there are more',
    query: z.object({
      ...{ type: several, category: several, correlationId: text.optional(), causationId: text.optional() },
      ...{ actor: text.optional(), since: moment.optional(), until: moment.optional() },
      ...{ from: number.optional(), to: number.optional(), after: number.optional(), limit, payloads, tenant },
      direction: oneOf(['forwards', 'backwards']).default('backwards'),
    }),
    answers: {
      200: {
        description: `One page. A request looks at ${scanned} positions at most; next goes on where it ended`,
        schema: z.object({
          data: z.array(eventSchema),
          page: z.object({
            next: z.bigint().nullable().meta({ description: 'The parameter after of the next page; null at the end' }),
            head: z.bigint().meta({ description: 'The highest position that is safe to read' }),
          }),
        }),
      },
    },
    problems: [404],
    handle: async ({ request, query }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      const { type: types, category: categories, correlationId, causationId, actor, since, until } = query
      const { direction, after, limit: size } = query
      const { position: head } = await store.head()
      const first = (query.from ?? 1n) > 1n ? (query.from ?? 1n) - 1n : 0n
      const last = least(query.to ?? head, head)
      const forwards = direction === 'forwards'
      const above = forwards
        ? most(after ?? first, first)
        : most(least((after ?? last + 1n) - 1n, last) - scanned, first)
      const upTo = forwards ? least(above + scanned, last) : least((after ?? last + 1n) - 1n, last)
      const filter = { types, categories, correlationId, causationId, actor, since, until }
      const events =
        above >= upTo ? [] : await selectEvents(streams.database, { ...filter, above, upTo, direction, limit: size })
      const reached = events.length === size ? events.at(-1)?.position : undefined
      const end = forwards ? (upTo < last ? upTo : null) : above > first ? above + 1n : null
      return { data: events.map((event) => eventView(event, mode, aggregates)), page: { next: reached ?? end, head } }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/events/:id', role: 'viewer', tag, operationId: 'events.get' },
    summary: 'One event by its id',
    query: z.object({ payloads, tenant }),
    answers: { 200: { description: 'The event', schema: eventSchema } },
    problems: [404],
    handle: async ({ request, query, params: { id = '' } }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      return eventView(await eventById(streams.database, id, (await store.head()).position), mode, aggregates)
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/events/:id/trace', role: 'viewer', tag, operationId: 'events.trace' },
    summary: 'What led to an event, and what it led to',
    query: z.object({
      window: z
        .string()
        .regex(/^([1-9]\d{0,4}|100000)$/, 'takes a whole number from 1 to 100000')
        .default('10000')
        .transform(BigInt)
        .meta({ description: 'How many positions before and after the event are looked at' }),
      limit: z
        .string()
        .regex(/^([1-9]\d?|[1-4]\d\d|500)$/, 'takes a whole number from 1 to 500')
        .default('500')
        .transform(Number)
        .meta({ description: 'How many events are found at most' }),
      ...{ payloads, tenant },
    }),
    answers: {
      200: {
        description: 'The events in the order of the log, and which led to which',
        schema: traceSchema.extend({ id: z.string() }),
      },
    },
    problems: [404],
    handle: async ({ request, query, params: { id = '' } }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      const { position: head } = await store.head()
      const event = await eventById(streams.database, id, head)
      const { window, limit: size } = query
      const trace = await traceEvents(streams.database, [event], { head, window, limit: size })
      return { id: event.id, ...traceView(trace, mode, aggregates) }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/event-types', role: 'viewer', tag, operationId: 'eventTypes.list' },
    summary: 'Every type of event in code: who appends it, and who reads it',
    answers: {
      200: {
        description: 'By what this server has in code',
        schema: z.object({
          data: z.array(
            z.object({
              ...{ category: z.string(), type: z.string(), schemaVersion: z.int() },
              ...{ formerly: z.array(z.string()), personal: z.array(z.string()) },
              projections: z.array(z.string()),
              bridges: z.array(z.string()),
              consumers: z.array(z.string()),
            }),
          ),
        }),
      },
    },
    handle: async () => ({ data: eventTypesOf(aggregates, projections, bridges, consumers) }),
  })
}

async function eventById(database: AdminContext['store']['database'], id: string, head: bigint) {
  const [event] = isUuid(id) ? await selectEventsById(database, [id]) : []
  if (!event || event.position > head)
    throw new ProblemError('unknown-event', `there is no event with the id ${quoted(id)}`)
  return event
}

function least(one: bigint, other: bigint): bigint {
  return one < other ? one : other
}

function most(one: bigint, other: bigint): bigint {
  return one > other ? one : other
}
