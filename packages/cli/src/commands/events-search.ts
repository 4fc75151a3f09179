import type { EventStore, RecordedEvent } from '@tidemark/eventstore'
import { InvalidArgumentError, type Command } from 'commander'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import { UsageError } from '../errors.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { jsonText } from '../output/json-text.js'
import { repeatable } from '../repeatable.js'
import type { AdminClient } from '../server/admin-client.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { noteMode, recordedOf, type EventPage } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { withTenantOption } from '../streams-of.js'
import { instant } from '../times.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly tenant?: string
  readonly type?: readonly string[]
  readonly category?: readonly string[]
  readonly data?: readonly Wanted[]
  readonly correlation?: string
  readonly actor?: string
  readonly since?: Date
  readonly until?: Date
  readonly after?: bigint
  readonly limit: number
}

const pageSize = 200

/** A value that the data of an event must have. */
interface Wanted {
  readonly path: readonly string[]
  readonly value: string
}

export const configureEventsSearch: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(withTenantOption(verb)))
    .option('--type <type>', 'of this type; may be repeated', repeatable(String))
    .option('--category <name>', 'of this aggregate; may be repeated', repeatable(String))
    .option(
      '--data <field=value>',
      'with this value in the data, such as customer.id=c-7; may be repeated',
      repeatable(wanted),
    )
    .option('--correlation <id>', 'of this conversation')
    .option('--actor <name>', 'by this actor')
    .option('--since <time>', 'recorded then or later', instant)
    .option('--until <time>', 'recorded before', instant)
    .option('--after <position>', 'after this position', bigNumber)
    .option('--limit <n>', 'at most this many', wholeNumber, 50)
    .action(async (options: Options, command: Command) => {
      const { limit } = options
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const found = server
        ? await searchThrough(server, options, context)
        : await withStore(command, context, (store) => search(store, options))
      context.output.list<RecordedEvent>(
        found,
        [
          ['position', ({ position }) => position],
          ['stream', ({ streamId }) => streamId],
          ['version', ({ version }) => version],
          ['event', ({ type }) => type],
          ['at', ({ recordedAt }) => recordedAt],
          ['id', ({ id }) => id],
          ['data', ({ data }) => data],
        ],
        'no event is like that',
      )
      const last = found.at(-1)
      if (last && found.length === limit) context.output.note(`there may be more: --after ${last.position}`)
    })
}

async function search(store: EventStore, options: Options): Promise<RecordedEvent[]> {
  const { type: types, category: categories, after, limit, tenant } = options
  const events: RecordedEvent[] = []
  const { position: upTo } = await store.head()
  for await (const event of store.walkLog({ types, categories, upTo, ...(after !== undefined && { after }) })) {
    if (events.length === limit) break
    if ((tenant === undefined || event.tenant === tenant) && matches(event, options)) events.push(event)
  }
  return events
}

/** @throws {UsageError} data is to be compared that the server is told not to show. */
async function searchThrough(server: AdminClient, options: Options, { output }: Context): Promise<RecordedEvent[]> {
  const { type, category, correlation, actor, since, until, limit, tenant, data } = options
  if (data && (options.payloads ?? 'full') !== 'full')
    throw new UsageError('--data compares what the server shows: leave out --payloads, or say full')
  const payloads = data ? 'full' : options.payloads
  const query = {
    ...{ type, category, correlationId: correlation, actor, payloads, tenant },
    ...{ since: since?.toISOString(), until: until?.toISOString(), direction: 'forwards' },
    // All but the data is compared by the server.
    limit: String(data ? pageSize : Math.min(pageSize, limit)),
  }
  const events: RecordedEvent[] = []
  for (let after = options.after?.toString(); events.length < limit;) {
    const answer: EventPage = await server.get<EventPage>('/events', { ...query, after })
    if (events.length === 0) noteMode(output, answer.data[0]?.payloads, payloads)
    events.push(...answer.data.map(recordedOf).filter((event) => matches(event, options)))
    if (answer.page.next === null) break
    after = answer.page.next
  }
  return events.slice(0, limit)
}

function wanted(text: string): Wanted {
  const [, path, value] = /^([^=]+)=([^]*)$/.exec(text) ?? []
  if (path === undefined || value === undefined)
    throw new InvalidArgumentError('It is a field and its value, such as customer.id=c-7.')
  return { path: path.split('.'), value }
}

function matches({ data, metadata, recordedAt }: RecordedEvent, options: Options): boolean {
  const { correlation, actor, since, until } = options
  return (
    (correlation === undefined || metadata.correlationId === correlation) &&
    (actor === undefined || metadata.actor === actor) &&
    (since === undefined || recordedAt >= since) &&
    (until === undefined || recordedAt < until) &&
    (options.data ?? []).every(({ path, value }) => textAt(data, path) === value)
  )
}

/** A text as it is, anything else as JSON. */
function textAt(data: unknown, path: readonly string[]): string | undefined {
  const value = path.reduce<unknown>((part, key) => {
    return typeof part === 'object' && part !== null && Object.hasOwn(part, key)
      ? (part as Record<string, unknown>)[key]
      : undefined
  }, data)
  if (value === undefined) return undefined
  return typeof value === 'string' ? value : jsonText(value)
}
