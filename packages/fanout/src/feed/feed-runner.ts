import type { Logger } from '@tidemark/eventstore'
import { backoffMs } from '../consumer/backoff.js'
import { RecordsGoneError } from '../consumer/errors.js'
import type { BatchControl, BatchOutcome, ConsumedBatch } from '../consumer/kafka-consumer-port.js'
import { kindOfFailure } from '../consumer/kind-of-failure.js'
import { OffsetMovedError, TableReplacedError, type Fed, type RecordsToFeed } from './feed-transactions.js'

/** What a runner needs to know and to do. */
export interface FeedPlaces {
  /** Writes records to the read model. */
  feed(records: RecordsToFeed): Promise<Fed>
  /** Where the read model is in a partition. */
  storedOffset(topic: string, partition: number): Promise<bigint>
  /** The first offset that a partition still has. */
  earliestOffset(topic: string, partition: number): Promise<bigint>
  /** Called when the table is not live any more: finds the one that is. */
  reattach(): Promise<void>
}

const troubleBackoff = { initialDelayMs: 200, maxDelayMs: 10_000 }
const againMs = 200

interface PartitionState {
  /** The next record that is fed; undefined until the read model was asked. */
  next: bigint | undefined
  troubles: number
  halted: Error | undefined
}

/** Feeds the batches of all partitions that a member has. */
export class FeedRunner {
  readonly counts = { applied: 0, duplicates: 0, passed: 0, failures: 0 }
  private readonly partitions = new Map<string, PartitionState>()

  constructor(
    private readonly name: string,
    private readonly places: FeedPlaces,
    private readonly batchSize: number,
    private readonly logger: Logger,
  ) {}

  /** Begins with partitions at the offsets that the read model has; forgets all others. */
  assigned(offsets: ReadonlyMap<string, bigint>): void {
    this.partitions.clear()
    for (const [place, next] of offsets) this.partitions.set(place, { next, troubles: 0, halted: undefined })
  }

  /** Why partitions halted. */
  halted(): { readonly partition: string; readonly error: Error }[] {
    return [...this.partitions].flatMap(([partition, { halted }]) => (halted ? [{ partition, error: halted }] : []))
  }

  async run(batch: ConsumedBatch, control: BatchControl): Promise<BatchOutcome> {
    const state = this.stateOf(`${batch.topic}/${batch.partition}`)
    if (state.halted) return { resumeInMs: Infinity }
    try {
      const outcome = await this.feed(batch, state, control)
      state.troubles = 0
      return outcome
    } catch (error) {
      return this.failed(state, error)
    }
  }

  private stateOf(place: string): PartitionState {
    const known = this.partitions.get(place)
    if (known) return known
    const state = { next: undefined, troubles: 0, halted: undefined }
    this.partitions.set(place, state)
    return state
  }

  private async feed(
    { topic, partition, records, highWatermark }: ConsumedBatch,
    state: PartitionState,
    control: BatchControl,
  ): Promise<BatchOutcome> {
    let next = (state.next ??= await this.places.storedOffset(topic, partition))
    const [first] = records
    if (!first) return { resumeInMs: 0 }
    if (highWatermark < next)
      throw new RecordsGoneError({ topic, partition }, next, `the topic ends at ${highWatermark}, so it was made anew`)
    if (first.offset < next) return { resumeInMs: 0, readFrom: next }
    if (first.offset > next) {
      const earliest = await this.places.earliestOffset(topic, partition)
      if (earliest > next)
        throw new RecordsGoneError({ topic, partition }, next, `the topic has none before ${earliest} any more`)
    }
    for (let at = 0; at < records.length && !control.signal.aborted; at += this.batchSize) {
      const chunk = records.slice(at, at + this.batchSize)
      const to = (chunk.at(-1)?.offset ?? next) + 1n
      const { applied, duplicates, passed } = await this.places.feed({
        topic,
        partition,
        from: next,
        to,
        records: chunk,
      })
      this.counts.applied += applied
      this.counts.duplicates += duplicates
      this.counts.passed += passed
      next = state.next = to
      control.done(to)
    }
    return { resumeInMs: 0 }
  }

  private async failed(state: PartitionState, error: unknown): Promise<BatchOutcome> {
    if (error instanceof OffsetMovedError) {
      this.logger.debug({ projection: this.name, err: error }, 'a partition was elsewhere; read from there')
      state.next = error.stored
      return { resumeInMs: againMs, ...(error.stored !== undefined && { readFrom: error.stored }) }
    }
    this.counts.failures++
    if (error instanceof TableReplacedError) return this.replaced(state)
    if (isTrouble(error)) {
      const delayMs = backoffMs(troubleBackoff, ++state.troubles)
      this.logger.warn({ projection: this.name, delayMs, err: error }, 'records could not be fed; tried again')
      return { resumeInMs: delayMs }
    }
    // A fold is pure: what it fails on it fails on again.
    state.halted = error instanceof Error ? error : new Error(String(error))
    this.logger.error({ projection: this.name, err: error }, 'a partition has halted')
    return { resumeInMs: Infinity }
  }

  private async replaced(state: PartitionState): Promise<BatchOutcome> {
    try {
      await this.places.reattach()
    } catch (error) {
      return this.failed(state, error)
    }
    for (const each of this.partitions.values()) each.next = undefined
    return { resumeInMs: againMs }
  }
}

/** Errors of the read model say themselves whether another try may succeed: somebody else may just be switching its tables. */
function isTrouble(error: unknown): boolean {
  return (
    kindOfFailure(error) === 'trouble' || (error instanceof Error && 'retryable' in error && error.retryable === true)
  )
}
