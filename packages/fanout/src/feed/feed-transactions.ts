import {
  failpoint,
  inTransaction,
  on,
  type FedReadModel,
  type FedTable,
  type RecordedEvent,
} from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import { decodeRecord, type ConsumedEvent } from '../consumer/decode-record.js'
import { UndecodableRecordError } from '../consumer/errors.js'
import { claimEvents } from '../consumer/inbox.js'
import type { ConsumedRecord } from '../consumer/kafka-consumer-port.js'
import { advanceInboxStreams, selectInboxStreams } from '../consumer/sql/inbox-statements.js'
import { moveOffset, selectOffsets } from '../consumer/sql/offset-statements.js'

/** Records that follow each other in one partition, the first of them the next that its read model takes. */
export interface RecordsToFeed {
  readonly topic: string
  readonly partition: number
  readonly from: bigint
  /** The offset behind the last of them. */
  readonly to: bigint
  readonly records: readonly ConsumedRecord[]
}

/** What became of records. */
export interface Fed {
  readonly applied: number
  /** Events that were in the rows already. */
  readonly duplicates: number
  /** Records of other aggregates, and without a value. */
  readonly passed: number
}

/** Ends a transaction whose partition is not where this member takes it to be: another one has it, or had it meanwhile. */
export class OffsetMovedError extends Error {
  constructor(readonly stored: bigint | undefined) {
    super(`the partition is at offset ${stored ?? 'none'} in the read model`)
  }
}

/** Ends a transaction on a table that is not live any more. */
export class TableReplacedError extends Error {}

/** How many streams are known to be in the inbox at most, in memory. */
const rememberedStreams = 100_000

/** An event of a store, whose place in the log its record says. */
type PlacedEvent = ConsumedEvent & { readonly version: bigint; readonly position: bigint }

/**
 * Writes rows together with what guards them: the offset of the partition, by compare-and-set, and the versions of the streams.
 *
 * The first refuses a member that lost its partition, or whose place in it is wrong: nothing is folded twice or left out. The second knows events that a
 * bridge has published again at later offsets.
 */
export class FeedTransactions {
  /** Streams that the inbox has. */
  private known = new Set<string>()

  constructor(
    private readonly readModel: FedReadModel,
    private readonly table: FedTable,
    private readonly gaps: 'stop' | 'accept',
  ) {}

  /**
   * @throws {OffsetMovedError} @throws {TableReplacedError}
   * @throws {UndecodableRecordError} a record is no event of a store. @throws {StreamGapError} versions of a stream are missing.
   */
  async feed(records: RecordsToFeed): Promise<Fed> {
    const { readModel, table } = this
    const events = this.eventsOf(records.records)
    // What was in the log at the hand-over is in the rows.
    const later = events.filter(({ position }) => position > table.position)
    const applied = await inTransaction(readModel.pool, async (client) => {
      if (!(await table.enter(client))) throw new TableReplacedError()
      await this.move(client, records)
      await this.introduce(client, later)
      const consumer = { name: table.id, inbox: { by: 'version', gaps: this.gaps } } as const
      const fresh = await claimEvents(readModel.database, client, consumer, later)
      await table.apply(client, (fresh as readonly PlacedEvent[]).map(recordedEventOf))
      await failpoint?.('feed.before-commit')
      return fresh.length
    })
    this.remember(later)
    await failpoint?.('feed.after-commit')
    return { applied, duplicates: events.length - applied, passed: records.records.length - events.length }
  }

  private eventsOf(records: readonly ConsumedRecord[]): PlacedEvent[] {
    const categories = new Set(this.readModel.aggregates.map(({ name }) => name))
    return records.flatMap((record) => {
      if (record.value === null) return []
      const event = decodeRecord(record)
      if (!categories.has(event.category)) return []
      if (isPlaced(event)) return [event]
      throw new UndecodableRecordError(
        `the record ${record.topic}/${record.partition} at offset ${record.offset} does not say its event's version and position, as a bridge does: a read model cannot be fed from it`,
      )
    })
  }

  private async move(client: ClientBase, { topic, partition, from, to }: RecordsToFeed): Promise<void> {
    const inside = on(this.readModel.database, client)
    if (await moveOffset(inside, this.table.id, { topic, partition, next: from }, to)) return
    const stored = await selectOffsets(inside, this.table.id)
    throw new OffsetMovedError(stored.find((each) => each.topic === topic && each.partition === partition)?.next)
  }

  /** Tells the inbox of streams that it has not met, and that had events before the hand-over: where they were then. */
  private async introduce(client: ClientBase, events: readonly PlacedEvent[]): Promise<void> {
    const met = new Map<string, PlacedEvent>()
    for (const event of events) if (!met.has(event.streamId)) met.set(event.streamId, event)
    const unsure = [...met.values()].filter(({ version, streamId }) => version > 1n && !this.known.has(streamId))
    if (unsure.length === 0) return
    const { id } = this.table
    const inside = on(this.readModel.database, client)
    const known = new Set((await selectInboxStreams(inside, id, unsure)).map(({ streamId }) => streamId))
    const unknown = unsure.filter(({ streamId }) => !known.has(streamId))
    if (unknown.length === 0) return
    const versions = await this.table.versions(
      client,
      unknown.map(({ streamId }) => streamId),
    )
    const steps = unknown.flatMap(({ source, streamId }) => {
      const version = versions.get(streamId)
      return version === undefined ? [] : [{ source, streamId, before: 0n, version }]
    })
    if (steps.length > 0) await advanceInboxStreams(inside, id, steps)
  }

  private remember(events: readonly PlacedEvent[]): void {
    if (this.known.size > rememberedStreams) this.known = new Set()
    for (const { streamId } of events) this.known.add(streamId)
  }
}

function isPlaced(event: ConsumedEvent): event is PlacedEvent {
  return event.version !== undefined && event.position !== undefined
}

function recordedEventOf(event: PlacedEvent): RecordedEvent {
  const { position, id, streamId, category, aggregateId, version, type, schemaVersion, data, metadata, recordedAt } =
    event
  return { position, id, streamId, category, aggregateId, version, type, schemaVersion, data, metadata, recordedAt }
}
