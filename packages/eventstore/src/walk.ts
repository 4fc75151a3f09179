import type { Database } from './database.js'
import type { ReadStreamOptions, WalkLogOptions } from './event-store-options.js'
import type { RecordedEvent } from './event.js'
import { newestVersion } from './load-aggregate.js'
import type { LogSource } from './log-source.js'
import { paged } from './paged.js'
import { selectStream } from './sql/select-stream.js'

/** Walks through a stream; see {@link StreamStore.walkStream}. Before it reads, it is admitted. */
export function walkStream(
  database: Database,
  streamId: string,
  { fromVersion = 1n, toVersion = newestVersion, limit = 1000, direction = 'forwards' }: ReadStreamOptions,
  admit: () => Promise<void>,
): AsyncIterable<RecordedEvent> {
  const forwards = direction === 'forwards'
  return paged({ fromVersion, toVersion }, async (range) => {
    await admit()
    const items = await selectStream(database, streamId, { ...range, limit, direction })
    const last = items.at(-1)?.version
    if (items.length < limit || last === undefined) return { items, next: undefined }
    return { items, next: forwards ? { ...range, fromVersion: last + 1n } : { ...range, toVersion: last - 1n } }
  })
}

/** Walks through a log; see {@link EventStore.walkLog}. */
export function walkLog(
  log: LogSource,
  { after = 0n, upTo, pageSize = 1000, categories, types }: WalkLogOptions,
): AsyncIterable<RecordedEvent> {
  return paged(after, async (from) => {
    const limits = { after: from, limit: pageSize, categories, types, ...(upTo !== undefined && { upTo }) }
    const { events, through, atHead } = await log.read(limits)
    const ended = atHead || (upTo !== undefined && through >= upTo)
    return { items: events, next: ended ? undefined : through }
  })
}
