import { Checkpoint, inTransaction, on, type Database, type EventStore, type RecordedEvent } from '@tidemark/eventstore'
import { hostname } from 'node:os'
import { EventNotPublishableError } from '../errors.js'
import { selectLaneCheckpoints } from '../sql/lane-statements.js'
import { deleteParked, failParked } from '../sql/parked-record-statements.js'
import { selectParkedRecords, type ParkedRecord } from '../sql/select-parked-records.js'
import {
  checkSendOptions,
  createSendingParts,
  createTopicPartitions,
  type SendingParts,
  type SendOptions,
} from './bridge-options.js'
import type { BridgeDefinition } from './define-bridge.js'
import { isOfLane, laneOfCheckpoint } from './lane-names.js'
import { isWanted, keyOfEvent, type EventRecord } from './record-of-event.js'
import { keyIfAny, makeRecord } from './plan-records.js'
import { WaitingKeys } from './waiting-keys.js'

export interface RetryParkedRecordsOptions extends SendOptions {
  /** Only events of these keys; those that wait for another key stay. All keys unless said. */
  readonly keys?: readonly string[]
  /** Ends it after the records in flight; what was sent stays sent. */
  readonly signal?: AbortSignal
}

/** What became of the parked events of a key. */
export interface RetriedKey {
  /** The key as it was parked; undefined where it could not be made. */
  readonly key: string | undefined
  /** How many events were published. */
  readonly published: number
  /** How many the definition does not want any more, or were truncated: nothing waits for them now. */
  readonly dropped: number
  /** How many wait still. */
  readonly waiting: number
  /** What the first of those failed at; undefined where all wait for another key. */
  readonly error: Error | undefined
}

/** How much longer than a look at the database a process keeps the bridge's checkpoints, when it dies. */
const leaseMs = 10_000

/**
 * Publishes parked events again with the definition of today, in order; keys of which all were published are free from then on.
 *
 * Whoever runs the bridge waits meanwhile, so no later event of a key overtakes. A key ends at the next event that fails. Events that the bridge has parked
 * ahead of its checkpoint are left to it: it comes to them again.
 *
 * @throws {BrokerUnavailableError} Kafka does not answer; what was published till then counts.
 *
 * @example
 * const retried = await retryParkedRecords(store, orders, { producer })
 * console.log(retried.filter(({ waiting }) => waiting > 0).length, 'keys wait still')
 */
export async function retryParkedRecords(
  store: EventStore,
  definition: BridgeDefinition,
  options: RetryParkedRecordsOptions,
): Promise<RetriedKey[]> {
  checkSendOptions(definition.name, options)
  await options.producer.connect()
  const [any] = await selectParkedRecords(store.database, { bridge: definition.name }, { limit: 1 })
  if (!any) return []
  await options.serializer?.prepare(definition)
  const owner = `retry/${hostname()}/${process.pid}`
  const lanes = await selectLaneCheckpoints(store.database, definition.name)
  const checkpoints: Checkpoint[] = []
  try {
    for (const { name } of lanes) {
      const checkpoint = await Checkpoint.take(store.database, name, { owner, leaseMs })
      // The lanes are being replaced by others.
      if (!checkpoint) return []
      store.leases.hold(checkpoint)
      checkpoints.push(checkpoint)
    }
    return checkpoints.length === 0 ? [] : await new Retry(store, definition, options, checkpoints).run()
  } finally {
    for (const checkpoint of checkpoints) {
      store.leases.letGo(checkpoint)
      await checkpoint.release().catch(() => undefined)
    }
  }
}

interface Counts {
  published: number
  dropped: number
  waiting: number
  error: Error | undefined
}

/** A parked event, as it was parked and as it is in the log. */
interface Parked {
  readonly parked: ParkedRecord
  readonly event: RecordedEvent
}

class Retry {
  private readonly counts = new Map<string | undefined, Counts>()
  /** What stays parked, and so holds later events. */
  private readonly staying = new WaitingKeys()
  private readonly parts: SendingParts
  private readonly keys: ReadonlySet<string> | undefined
  private readonly signal: AbortSignal

  constructor(
    private readonly store: EventStore,
    private readonly definition: BridgeDefinition,
    private readonly options: RetryParkedRecordsOptions,
    private readonly checkpoints: readonly Checkpoint[],
  ) {
    this.keys = options.keys && new Set(options.keys)
    this.signal = options.signal ?? new AbortController().signal
    // A topic that is not there is an answer here: nobody waits for another key.
    const patient = { topicPatienceMs: 0, ...options, checkIntervalMs: Infinity }
    const topics = createTopicPartitions(options.producer, definition, patient)
    const parts = { ...patient, topics, signal: this.signal }
    this.parts = createSendingParts(store, { ...definition, onUnpublishable: 'park' }, parts)
  }

  async run(): Promise<RetriedKey[]> {
    const { batchSize: limit = 500 } = this.options
    for (let after = 0n; ;) {
      const page = { after, limit }
      const parked = await selectParkedRecords(this.store.database, { bridge: this.definition.name }, page)
      const last = parked.at(-1)
      if (!last) break
      await this.retryPage(parked)
      after = last.position
    }
    return [...this.counts].filter(([key]) => this.isSelected(key)).map(([key, counts]) => ({ key, ...counts }))
  }

  private async retryPage(parked: readonly ParkedRecord[]): Promise<void> {
    const events = await this.store.readEventsAt(parked.map(({ position }) => position))
    const byPosition = new Map(events.map((event) => [event.position, event]))
    const gone = parked.filter(({ position }) => !byPosition.has(position))
    await this.settle(gone, 'dropped')
    const there = parked.flatMap((each): Parked[] => {
      const event = byPosition.get(each.position)
      return event ? [{ parked: each, event }] : []
    })
    // Left there, they would go on holding keys that are freed here.
    const ahead = there.filter(({ event }) => this.isAhead(event))
    await this.forget(ahead.map(({ event }) => event.position))
    let left = there.filter((each) => !ahead.includes(each))
    while (left.length > 0) left = await this.retryEvents(left)
  }

  /** Whether its lane comes to an event again. One whose key cannot be made is of every lane. */
  private isAhead(event: RecordedEvent): boolean {
    const key = keyIfAny(this.definition, event)
    const lanes = this.checkpoints.filter(({ name }) => isOfLane(key, laneOfCheckpoint(name)))
    return lanes.every(({ place }) => event.position > place.position)
  }

  /** Sends what may be sent, in order; returns what has to be looked at again. */
  private async retryEvents(events: readonly Parked[]): Promise<Parked[]> {
    const records: EventRecord[] = []
    const byPosition = new Map(events.map((each) => [each.event.position, each]))
    const open = new Set(byPosition.keys())
    // In the order of the log: a later one is looked at with all that stays before it.
    for (const each of events) {
      const record = await this.recordOf(each)
      if (record) records.push(record)
      else open.delete(each.event.position)
    }
    const again = await this.parts.sender.send(records, async (group) => {
      const done = group.flatMap(({ event }) => byPosition.get(event.position) ?? [])
      await this.settle(
        done.map(({ parked }) => parked),
        'published',
      )
      for (const { event } of group) open.delete(event.position)
      this.signal.throwIfAborted()
    })
    const refused = again?.refused && byPosition.get(again.refused.position)
    if (refused && again.refused) {
      await this.fail(refused, again.refused)
      open.delete(refused.event.position)
    }
    return again ? events.filter(({ event }) => open.has(event.position)) : []
  }

  /** The record of an event that may be sent now; undefined where it stays, or is not wanted any more. */
  private async recordOf(each: Parked): Promise<EventRecord | undefined> {
    const { parked, event } = each
    try {
      if (!this.isSelected(parked.key) || this.staying.holds(event, parked.key)) return this.stay(each)
      if (!isWanted(this.definition, event)) {
        await this.settle([parked], 'dropped')
        return undefined
      }
      const key = keyOfEvent(this.definition, event)
      if (this.staying.holds(event, key)) return this.stay(each, key)
      return await makeRecord(this.parts.context, event)
    } catch (error) {
      if (!(error instanceof EventNotPublishableError)) throw error
      await this.fail(each, error)
      return undefined
    }
  }

  private isSelected(key: string | undefined): boolean {
    return this.keys === undefined || (key !== undefined && this.keys.has(key))
  }

  private stay({ parked, event }: Parked, key = parked.key): undefined {
    this.staying.add(event, parked.key)
    this.staying.add(event, key)
    this.countsOf(parked.key).waiting++
  }

  private async fail(each: Parked, error: EventNotPublishableError): Promise<void> {
    await this.whileOwned((database) => failParked(database, this.definition.name, each.event.position, error))
    this.countsOf(each.parked.key).error ??= error
    this.stay(each, error.key)
  }

  private async settle(done: readonly ParkedRecord[], how: 'published' | 'dropped'): Promise<void> {
    if (done.length === 0) return
    await this.forget(done.map(({ position }) => position))
    for (const { key } of done) if (this.isSelected(key)) this.countsOf(key)[how]++
  }

  private async forget(positions: readonly bigint[]): Promise<void> {
    if (positions.length === 0) return
    await this.whileOwned((database) => deleteParked(database, this.definition.name, positions))
  }

  /** Changes what is parked only while the checkpoints are ours: another owner works by what it read. */
  private async whileOwned(change: (database: Database) => Promise<void>): Promise<void> {
    await inTransaction(this.store.pool, async (client) => {
      for (const checkpoint of this.checkpoints) await checkpoint.advance(client, checkpoint.place)
      await change(on(this.store.database, client))
    })
  }

  private countsOf(key: string | undefined): Counts {
    let counts = this.counts.get(key)
    if (!counts) this.counts.set(key, (counts = { published: 0, dropped: 0, waiting: 0, error: undefined }))
    return counts
  }
}
