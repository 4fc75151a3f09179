import {
  isUuid,
  selectEventsById,
  traceEvents,
  type EventStore,
  type EventTrace,
  type RecordedEvent,
} from '@tidemark/eventstore'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { causationTree, treeLines } from '../history/trace.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly limit: number
  readonly window: bigint
}

export const configureEventsTrace: ConfigureVerb = (verb, context) => {
  const { output } = context
  verb
    .argument('<event>', 'the id of an event, or its position')
    .option('--limit <n>', 'at most this many events', wholeNumber, 500)
    .option('--window <positions>', 'look at so many positions before and after the event', bigNumber, 10_000n)
    .action(async (name: string, options: Options, command: Command) => {
      const { start, events, searched } = await withStore(command, context, (store) => trace(store, name, options))
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

async function trace(
  store: EventStore,
  name: string,
  { limit, window }: Options,
): Promise<EventTrace & { readonly start: RecordedEvent }> {
  const { position: head } = await store.head()
  const start = await findEvent(store, name)
  if (!start || start.position > head)
    throw new CliError(
      `there is no event ${JSON.stringify(name)}: \`tidemark events search\` finds the ids and positions of events`,
    )
  const { events, searched } = await traceEvents(store.database, [start], { head, window, limit })
  // Events of two tenants may be of one conversation.
  return { start, events: await store.readEventsAt(events.map(({ position }) => position)), searched }
}

async function findEvent(store: EventStore, name: string): Promise<RecordedEvent | undefined> {
  if (isUuid(name)) return (await selectEventsById(store.database, [name]))[0]
  return /^\d{1,18}$/.test(name) ? (await store.readEventsAt([BigInt(name)]))[0] : undefined
}
