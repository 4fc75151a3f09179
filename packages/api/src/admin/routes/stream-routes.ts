import { selectStreams, traceStream, valueChanges } from '@tidemark/eventstore'
import { z } from 'zod'
import { ProblemError } from '../../errors.js'
import { quoted } from '../../http/nearest-name.js'
import { scopeOf, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { eventSchema, eventView } from '../event-view.js'
import { limit, number, oneOf, text, versionOrMoment } from '../parse-request.js'
import { payloadModes, viewOf } from '../payload-view.js'
import { newestVersion, statesOf, unknownStream } from '../stream-state.js'
import { traceSchema, traceView } from '../trace-view.js'

const tag = 'streams'
const payloads = oneOf(payloadModes).optional()
const tenant = text.optional()
const next = z.string().nullable().meta({ description: 'The parameter after of the next page; null at the end' })

/** Adds what looks at streams. */
export function addStreamRoutes(routes: AdminRoutes, context: AdminContext): void {
  const { aggregates } = context
  routes.add({
    ...{ method: 'GET', url: '/streams', role: 'viewer', tag, operationId: 'streams.list' },
    summary: 'Streams in the order of their ids, with their newest event',
    query: z.object({ category: text.optional(), prefix: text.optional(), after: text.optional(), limit, tenant }),
    answers: {
      200: {
        description: 'One page',
        schema: z.object({
          data: z.array(
            z.object({
              streamId: z.string(),
              category: z.string(),
              version: z.bigint(),
              lastType: z.string(),
              lastPosition: z.bigint(),
              lastRecordedAt: z.date(),
            }),
          ),
          page: z.object({ next }),
        }),
      },
    },
    problems: [404],
    handle: async ({ request, query }) => {
      const { streams } = await scopeOf(context, request, query)
      const { category, prefix = '', after, limit: size } = query
      const whole = category === undefined ? '' : `${category}-`
      if (category !== undefined && prefix !== '' && !prefix.startsWith(whole)) {
        const detail = `prefix is of another category than ${category}: leave one of them out`
        throw new ProblemError('invalid-parameter', detail, { errors: [{ parameter: 'prefix', detail }] })
      }
      const from = after === undefined ? {} : { after }
      const selection = { prefix: prefix === '' ? whole : prefix, ...from, limit: size }
      const found = await selectStreams(streams.database, selection)
      return {
        data: found,
        page: { next: found.length === size ? (found.at(-1)?.streamId ?? null) : null },
      }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/streams/:id', role: 'viewer', tag, operationId: 'streams.events' },
    summary: 'The events of a stream',
    query: z.object({
      ...{ from: number.optional(), to: number.optional(), limit, payloads, tenant },
      direction: oneOf(['forwards', 'backwards']).default('forwards'),
    }),
    answers: {
      200: {
        description: 'One page; next is the parameter from of the next one, or to where it goes backwards',
        schema: z.object({ version: z.bigint(), data: z.array(eventSchema), page: z.object({ next }) }),
      },
    },
    problems: [404],
    handle: async ({ request, query, params: { id = '' } }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      const { from = 1n, to, direction, limit: size } = query
      const version = await newestVersion(streams, id)
      const range = { fromVersion: from, ...(to !== undefined && { toVersion: to }), direction, limit: size }
      const events = await streams.readStream(id, range)
      const last = events.at(-1)?.version
      const goesOn = events.length === size && last !== undefined
      const following = direction === 'forwards' ? (last ?? 0n) + 1n : (last ?? 0n) - 1n
      const inRange = direction === 'forwards' ? following <= (to ?? version) : following >= (from > 1n ? from : 1n)
      return {
        version,
        data: events.map((event) => eventView(event, mode, aggregates)),
        page: { next: goesOn && inRange ? String(following) : null },
      }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/streams/:id/state', role: 'viewer', tag, operationId: 'streams.state' },
    summary: 'What the aggregate of a stream was at a version, with personal data replaced',
    query: z.object({
      version: versionOrMoment.optional().meta({ description: 'A version, or a time; now unless said' }),
      ...{ payloads, tenant },
    }),
    answers: {
      200: {
        description: 'The state after that version, or at that time; after the newest event unless said',
        schema: z.object({
          streamId: z.string(),
          version: z.bigint(),
          event: eventSchema,
          state: z.unknown().optional(),
        }),
      },
    },
    problems: [404, 422],
    handle: async ({ request, query, params: { id = '' } }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      const [at] = await statesOf(streams, aggregates, id, [query.version])
      if (!at?.event)
        throw new ProblemError('version-not-found', `stream ${quoted(id)} had no events then: its first version is 1`)
      const state = viewOf(at.state, mode)
      return {
        streamId: id,
        version: at.version,
        event: eventView(at.event, mode, aggregates),
        ...(state !== undefined && { state }),
      }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/streams/:id/diff', role: 'viewer', tag, operationId: 'streams.diff' },
    summary: 'What changed in the state of a stream from one version or time to another',
    query: z.object({ from: versionOrMoment, to: versionOrMoment.optional(), payloads, tenant }),
    answers: {
      200: {
        description: 'The places at which the states differ, as JSON pointers',
        schema: z.object({
          streamId: z.string(),
          from: z.bigint().meta({ description: 'A version; 0 before the first event' }),
          to: z.bigint(),
          payloads: z.enum(payloadModes),
          changes: z.array(
            z.object({
              path: z.string(),
              change: z.enum(['added', 'removed', 'changed']),
              before: z.unknown().optional(),
              after: z.unknown().optional(),
            }),
          ),
          more: z.int().meta({ description: 'How many changes are left out' }),
        }),
      },
    },
    problems: [404, 422],
    handle: async ({ request, query, params: { id = '' } }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      const [before, after] = await statesOf(streams, aggregates, id, [query.from, query.to])
      if (!before || !after) throw unknownStream(id)
      const changes = valueChanges(before.state, after.state)
      const shown = changes.slice(0, maxChanges).map(({ path, change, ...values }) => ({
        ...{ path, change },
        ...('before' in values && { before: viewOf(values.before, mode) }),
        ...('after' in values && { after: viewOf(values.after, mode) }),
      }))
      return {
        streamId: id,
        from: before.version,
        to: after.version,
        payloads: mode,
        changes: shown,
        more: changes.length - shown.length,
      }
    },
  })

  routes.add({
    ...{ method: 'GET', url: '/streams/:id/trace', role: 'viewer', tag, operationId: 'streams.trace' },
    summary: 'What led to the newest 500 events of a stream, and what they led to',
    query: z.object({
      to: number.optional().meta({ description: 'The last version that is looked at' }),
      ...{ payloads, tenant },
    }),
    answers: {
      200: { description: 'The events in the order of the log, and which led to which', schema: traceSchema },
    },
    problems: [404],
    handle: async ({ request, query, params: { id = '' } }) => {
      const { streams, mode } = await scopeOf(context, request, query)
      await newestVersion(streams, id)
      const { position: head } = await context.store.head()
      return traceView(await traceStream(streams, id, { head, toVersion: query.to }), mode, aggregates)
    },
  })
}

const maxChanges = 500
