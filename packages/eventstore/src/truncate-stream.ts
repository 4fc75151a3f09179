import type { Database } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import { ConfigurationError } from './errors.js'
import type { RecordedEvent } from './event.js'
import { checkStreamId } from './stream-id.js'
import { selectStream } from './sql/select-stream.js'
import { truncateStream, type Truncation } from './sql/truncate-stream.js'
import { TruncationRefusedError, type TruncationRefusal } from './truncation-errors.js'

export interface TruncateOptions {
  /** The events below this version are deleted; the last event of a stream always stays. */
  readonly beforeVersion: bigint | number
  /** Kept with the tombstone. */
  readonly reason?: string
  /** Who did it; kept with the tombstone. */
  readonly actor?: string
  /** Whose snapshot must stand for the deleted events; the newest snapshot version of the stream counts unless said. */
  readonly aggregate?: AnyAggregate
  /** Truncate although nobody can load the aggregate afterwards. */
  readonly withoutSnapshot?: boolean
  /** Truncate although a checkpoint has not passed the events: its subscriber never sees them. */
  readonly evenIfUnread?: boolean
  /** Is given the events in order, up to 1,000 at once, as stored, before any is deleted; if it fails, nothing is. */
  readonly archive?: (events: readonly RecordedEvent[]) => Promise<void>
}

export interface TruncateResult {
  readonly streamId: string
  readonly deletedEvents: bigint
}

const pageSize = 1000

/** Archives and then deletes the first events of a stream; see `EventStore.truncateStream`. */
export async function truncateAndArchive(
  database: Database,
  stream: string,
  options: TruncateOptions,
): Promise<TruncateResult> {
  const { reason, actor, aggregate, withoutSnapshot = false, evenIfUnread = false, archive } = options
  const streamId = checkStreamId(stream)
  const beforeVersion = BigInt(options.beforeVersion)
  if (beforeVersion < 1n)
    throw new ConfigurationError(`a stream is truncated before a version from 1, got ${beforeVersion}`)
  const snapshotVersion = aggregate?.snapshot?.version
  const truncation = { streamId, beforeVersion, reason, actor, snapshotVersion, withoutSnapshot, evenIfUnread }
  if (archive) {
    await truncate(database, { ...truncation, dryRun: true })
    await archiveEvents(database, streamId, beforeVersion, archive)
  }
  return { streamId, deletedEvents: await truncate(database, { ...truncation, dryRun: false }) }
}

async function truncate(database: Database, truncation: Truncation): Promise<bigint> {
  const { refusal, detail, deletedEvents } = await truncateStream(database, truncation)
  if (refusal === undefined) return deletedEvents
  throw new TruncationRefusedError(truncation.streamId, truncation.beforeVersion, refusal as TruncationRefusal, detail)
}

/** What is below the last event never changes any more, so what was archived is what is deleted. */
async function archiveEvents(
  database: Database,
  streamId: string,
  beforeVersion: bigint,
  archive: (events: readonly RecordedEvent[]) => Promise<void>,
): Promise<void> {
  for (let fromVersion = 1n; ;) {
    const events = await selectStream(database, streamId, {
      fromVersion,
      toVersion: beforeVersion - 1n,
      limit: pageSize,
      direction: 'forwards',
    })
    const last = events.at(-1)
    if (!last) return
    await archive(events)
    fromVersion = last.version + 1n
  }
}
