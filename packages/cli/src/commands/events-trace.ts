import { isUuid, type EventStore, type RecordedEvent } from '@tidemark/eventstore'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { causationTree, relatedEvents, treeLines } from '../history/trace.js'
import { wholeNumber } from '../numbers.js'
import { selectPositionsById } from '../sql/select-related-positions.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureEventsTrace: ConfigureVerb = (verb, context) => {
  const { output } = context
  verb
    .argument('<event>', 'the id of an event, or its position')
    .option('--limit <n>', 'at most this many events', wholeNumber, 500)
    .action(async (name: string, { limit }: { readonly limit: number }, command: Command) => {
      const { start, events } = await withStore(command, context, async (store) => {
        const event = await findEvent(store, name)
        return { start: event, events: await relatedEvents(store, [event], limit) }
      })
      const roots = causationTree(events)
      if (output.options.format !== 'table')
        return output.one({ event: start.id, correlationId: start.metadata.correlationId ?? null, roots })
      const { bold, dim } = output.paint
      const lineOf = ({ id, type, streamId, version, position, recordedAt }: RecordedEvent) =>
        `${id === start.id ? bold(type) : type}  ${streamId} ${version}  ${dim(`position ${position}, ${recordedAt.toISOString()}`)}`
      output.text(treeLines(roots, lineOf).join('\n'))
      if (events.length >= limit) output.note('there may be more: see --limit')
    })
}

async function findEvent(store: EventStore, name: string): Promise<RecordedEvent> {
  const positions = isUuid(name)
    ? await selectPositionsById(store.database, [name])
    : /^\d{1,18}$/.test(name)
      ? [BigInt(name)]
      : []
  const [event] = await store.readEventsAt(positions)
  if (event) return event
  throw new CliError(
    `there is no event ${JSON.stringify(name)}: \`tidemark events search\` finds the ids and positions of events`,
  )
}
