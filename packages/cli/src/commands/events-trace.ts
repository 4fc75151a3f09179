import {
  isUuid,
  selectEventsById,
  traceEvents,
  type EventStore,
  type EventTrace,
  type RecordedEvent,
} from '@tidemark/eventstore'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { causationTree, treeLines } from '../history/trace.js'
import { wholeNumber } from '../numbers.js'
import { ifThere, type AdminClient } from '../server/admin-client.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { noteMode, recordedOf, type EventPage, type EventView } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly tenant?: string
  readonly limit: number
  readonly window: number
}

export const configureEventsTrace: ConfigureVerb = (verb, context) => {
  const { output } = context
  withPayloads(withServer(withTenantOption(verb)))
    .argument('<event>', 'the id of an event, or its position')
    .option('--limit <n>', 'at most this many events', wholeNumber, 500)
    .option('--window <positions>', 'look at so many positions before and after the event', wholeNumber, 10_000)
    .action(async (name: string, options: Options, command: Command) => {
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const found = server
        ? await traceThrough(server, name, options, context)
        : await withStore(command, context, (store) => trace(store, name, options))
      if (!found)
        throw new CliError(
          `there is no event ${JSON.stringify(name)}: \`tidemark events search\` finds the ids and positions of events`,
        )
      const { start, events, searched } = found
      const roots = causationTree(events)
      if (output.options.format === 'table') {
        const { bold, dim } = output.paint
        const lineOf = ({ id, type, streamId, version, position, recordedAt }: RecordedEvent) =>
          `${id === start.id ? bold(type) : type}  ${streamId} ${version}  ${dim(`position ${position}, ${recordedAt.toISOString()}`)}`
        output.text(treeLines(roots, lineOf).join('\n'))
      } else {
        output.one({ event: start.id, correlationId: start.metadata.correlationId ?? null, roots, searched })
      }
      if (events.length >= options.limit) output.note('there may be more: see --limit')
      else if (!searched.complete)
        output.note(`there may be more: only positions ${searched.from} to ${searched.to} were looked at, see --window`)
    })
}

/** A trace, and the event that it began with. */
type TraceOf = EventTrace & { readonly start: RecordedEvent }

const isPosition = (name: string) => /^\d{1,18}$/.test(name)

async function trace(
  store: EventStore,
  name: string,
  { limit, window, tenant }: Options,
): Promise<TraceOf | undefined> {
  const { position: head } = await store.head()
  // Events of two tenants may be of one conversation, and only this reading says whose they are.
  const readAt = async (positions: readonly bigint[]) =>
    (await store.readEventsAt(positions)).filter((event) => tenant === undefined || event.tenant === tenant)
  const [start] = await readAt(await positionsOf(store, name))
  if (!start || start.position > head) return undefined
  const { events, searched } = await traceEvents(store.database, [start], { head, window: BigInt(window), limit })
  return { start, events: await readAt(events.map(({ position }) => position)), searched }
}

async function positionsOf({ database }: EventStore, name: string): Promise<bigint[]> {
  if (isUuid(name)) return (await selectEventsById(database, [name])).map(({ position }) => position)
  return isPosition(name) ? [BigInt(name)] : []
}

async function traceThrough(
  server: AdminClient,
  name: string,
  { limit, window, tenant, payloads }: Options,
  { output }: Context,
): Promise<TraceOf | undefined> {
  const id = isPosition(name) ? await idAt(server, name, tenant) : name
  const query = { limit: String(limit), window: String(window), payloads, tenant }
  const path = `/events/${encodeURIComponent(id ?? name)}/trace`
  const found = await ifThere(server.get<TraceView>(path, query))
  if (!found) return undefined
  if (output.options.format !== 'table') noteMode(output, found.events[0]?.payloads, payloads)
  const events = found.events.map(recordedOf)
  const start = events.find((event) => event.id === found.id)
  const { from, to, complete } = found.searched
  return start && { start, events, searched: { from: BigInt(from), to: BigInt(to), complete } }
}

interface TraceView {
  readonly id: string
  readonly events: readonly EventView[]
  readonly searched: { readonly from: string; readonly to: string; readonly complete: boolean }
}

async function idAt(server: AdminClient, position: string, tenant: string | undefined): Promise<string | undefined> {
  const query = { from: position, to: position, payloads: 'none', tenant }
  return (await server.get<EventPage>('/events', query)).data[0]?.id
}
