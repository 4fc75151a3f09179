import type { Logger } from '@tidemark/eventstore'
import { BatchTooLargeError } from '../errors.js'
import { backoffMs } from './backoff.js'
import type { DeadLetters } from './dead-letters.js'
import { dueAtOf } from './dead-letter-headers.js'
import type { ConsumedEvent } from './decode-record.js'
import type { ConsumerDefinition } from './define-consumer.js'
import type { EventTransactions } from './event-transactions.js'
import { judgeRecord } from './judge-record.js'
import type { BatchControl, BatchOutcome, ConsumedBatch, ConsumedRecord } from './kafka-consumer-port.js'
import { lanesOf, Turns } from './key-lanes.js'
import { kindOfFailure } from './kind-of-failure.js'
import { PartitionProgress } from './partition-progress.js'

/** What a consumer has done since it was started. */
export interface ConsumerCounts {
  handled: number
  /** Events that it had handled before. */
  duplicates: number
  /** Records that were not for it. */
  passed: number
  /** Tries that failed. */
  failures: number
  deadLettered: number
}

/** The while that a failure of the world around is waited out. */
const troubleBackoff = { initialDelayMs: 200, maxDelayMs: 10_000 }
/** How often what is done is passed on while a batch is at work. */
const reportMs = 200

/** What belongs to one batch while it is handled. */
interface BatchAtHand {
  readonly progress: PartitionProgress
  readonly signal: AbortSignal
  readonly finish: (record: ConsumedRecord) => void
  /** The partition is read again after this, at the earliest of what was asked for. */
  resumeInMs: number
}

/** Handles the batches of all partitions that a member has. */
export class BatchRunner {
  readonly counts: ConsumerCounts = { handled: 0, duplicates: 0, passed: 0, failures: 0, deadLettered: 0 }
  private readonly partitions = new Map<string, PartitionProgress>()
  private readonly turns: Turns

  constructor(
    private readonly definition: ConsumerDefinition,
    private readonly transactions: EventTransactions,
    private readonly deadLetters: DeadLetters,
    private readonly logger: Logger,
  ) {
    this.turns = new Turns(definition.concurrency)
  }

  /** Forgets partitions that others have now. */
  assigned(partitions: Readonly<Record<string, readonly number[]>>): void {
    const own = new Set(Object.entries(partitions).flatMap(([topic, list]) => list.map((each) => `${topic}/${each}`)))
    for (const name of this.partitions.keys()) if (!own.has(name)) this.partitions.delete(name)
  }

  /** Why partitions halted. */
  halted(): { readonly partition: string; readonly error: Error }[] {
    return [...this.partitions].flatMap(([partition, { halted }]) => (halted ? [{ partition, error: halted }] : []))
  }

  async run({ topic, partition, records }: ConsumedBatch, control: BatchControl): Promise<BatchOutcome> {
    const progress = this.progressOf(`${topic}/${partition}`)
    if (progress.halted) return { resumeInMs: Infinity }
    const offsets = records.map(({ offset }) => offset)
    const [first] = offsets
    if (first !== undefined) progress.begin(first)
    const report = () => {
      const next = progress.nextOffset(offsets)
      if (next !== undefined) control.done(next)
    }
    let reportedAt = performance.now()
    const finish = ({ offset }: ConsumedRecord) => {
      progress.finish(offset)
      if (performance.now() - reportedAt < reportMs) return
      reportedAt = performance.now()
      report()
    }
    const batch: BatchAtHand = { progress, signal: control.signal, finish, resumeInMs: Infinity }
    const open = records.filter(({ offset }) => !progress.isDone(offset))
    if (this.definition.handling.by === 'batch') await this.runChunks(open, batch, this.definition.handling.batchSize)
    else await this.runLanes(open, batch)
    report()
    if (progress.halted) return { resumeInMs: Infinity }
    return { resumeInMs: batch.resumeInMs === Infinity ? 0 : batch.resumeInMs }
  }

  private progressOf(name: string): PartitionProgress {
    let progress = this.partitions.get(name)
    if (!progress) this.partitions.set(name, (progress = new PartitionProgress()))
    return progress
  }

  private async runChunks(records: readonly ConsumedRecord[], batch: BatchAtHand, size: number): Promise<void> {
    for (let at = 0; at < records.length; at += size) {
      if (batch.signal.aborted) return
      const chunk = records.slice(at, at + size)
      const together = await this.turns.take(() => this.handleTogether(chunk, batch))
      // Whatever is at fault is found by handling one at a time.
      if (!together) await this.runLanes(chunk, batch)
      if (batch.resumeInMs !== Infinity || batch.progress.halted) return
    }
  }

  /** Handles records in one transaction; false when at least one of them needs care of its own. */
  private async handleTogether(records: readonly ConsumedRecord[], batch: BatchAtHand): Promise<boolean> {
    const judged = records.map((record) => judgeRecord(this.definition, record))
    const special = records.some(
      (record, index) =>
        batch.progress.failed.has(record.offset) ||
        this.waitMs(record, batch.progress) > 0 ||
        judged[index]?.kind === 'dead-letter' ||
        judged[index]?.kind === 'stop',
    )
    if (special) return false
    const byVersion = this.definition.inbox.by === 'version'
    const events = judged.flatMap((each) => {
      if (each.kind === 'handle') return [each.event]
      return byVersion && each.kind === 'pass' && each.event ? [each.event] : []
    })
    try {
      const wanted = judged.filter(({ kind }) => kind === 'handle').length
      const handled = await this.transactions.all(events, batch.signal)
      this.counts.handled += handled
      this.counts.duplicates += wanted - handled
      this.counts.passed += records.length - wanted
    } catch (error) {
      this.logger.debug(
        { consumer: this.definition.name, err: error },
        'a batch failed; its events are handled one by one',
      )
      return false
    }
    for (const record of records) batch.finish(record)
    return true
  }

  private async runLanes(records: readonly ConsumedRecord[], batch: BatchAtHand): Promise<void> {
    await Promise.all(lanesOf(records).map((lane) => this.runLane(lane, batch)))
  }

  /** Handles the records of one key, up to the first that has to wait. */
  private async runLane(lane: readonly ConsumedRecord[], batch: BatchAtHand): Promise<void> {
    for (const record of lane) {
      const waitMs = await this.turns.take(async () => {
        if (batch.signal.aborted || batch.progress.halted) return Infinity
        return this.waitMs(record, batch.progress) || this.handleRecord(record, batch)
      })
      if (waitMs === 0) continue
      batch.resumeInMs = Math.min(batch.resumeInMs, waitMs)
      return
    }
  }

  /** How long until a record may be tried, in milliseconds; 0 for now. */
  private waitMs(record: ConsumedRecord, { failed }: PartitionProgress): number {
    const failure = failed.get(record.offset)
    const untilRetry = failure ? failure.retryAt - performance.now() : 0
    const dueAt = this.definition.topics.includes(record.topic) ? undefined : dueAtOf(record)
    return Math.max(0, untilRetry, dueAt === undefined ? 0 : dueAt - Date.now())
  }

  /** Handles a record; returns 0 when it is done, or after how many milliseconds it may be tried again. */
  private async handleRecord(record: ConsumedRecord, batch: BatchAtHand): Promise<number> {
    const { progress, signal } = batch
    try {
      const judged = judgeRecord(this.definition, record)
      if (judged.kind === 'stop') return this.halt(progress, judged.error)
      if (judged.kind === 'dead-letter') throw judged.error
      if (judged.kind === 'handle') {
        const pauseMs = await this.pauseForCause(judged.event, record, progress)
        if (pauseMs > 0) return pauseMs
        const attempt = this.deadLetters.attemptOf(record, progress.failed.get(record.offset)?.failures ?? 0)
        const handled = await this.transactions.one(judged.event, { record, attempt, signal })
        this.counts[handled ? 'handled' : 'duplicates']++
      } else {
        if (judged.event && this.definition.inbox.by === 'version') await this.transactions.pass(judged.event, signal)
        this.counts.passed++
      }
    } catch (error) {
      return this.failed(record, error, batch)
    }
    batch.finish(record)
    return 0
  }

  private async pauseForCause(
    event: ConsumedEvent,
    { offset }: ConsumedRecord,
    { failed }: PartitionProgress,
  ): Promise<number> {
    if (!this.definition.causes) return 0
    const before = failed.get(offset)
    const waiting = before?.waiting ?? { since: performance.now(), looks: 0 }
    const pauseMs = await this.transactions.pauseForCause(event, waiting)
    if (pauseMs === 0) return 0
    const retryAt = performance.now() + pauseMs
    const looks = waiting.looks + 1
    failed.set(offset, { failures: 0, troubles: 0, ...before, retryAt, waiting: { ...waiting, looks } })
    return pauseMs
  }

  private async failed(record: ConsumedRecord, error: unknown, batch: BatchAtHand): Promise<number> {
    const { progress } = batch
    const kind = kindOfFailure(error)
    this.counts.failures++
    if (kind === 'halt') return this.halt(progress, error)
    if (kind === 'trouble') return this.tryLater(record, error, progress, 'troubles')
    const failures = (progress.failed.get(record.offset)?.failures ?? 0) + 1
    if (kind === 'failing' && failures < this.definition.retry.attempts)
      return this.tryLater(record, error, progress, 'failures')
    try {
      const where = await this.deadLetters.setAside(record, error, kind === 'failing')
      if (where === 'nowhere') return this.halt(progress, error)
      if (where === 'dead-letter') this.counts.deadLettered++
    } catch (trouble) {
      if (trouble instanceof BatchTooLargeError) return this.halt(progress, trouble)
      return this.tryLater(record, trouble, progress, 'troubles')
    }
    batch.finish(record)
    return 0
  }

  private tryLater(
    { topic, partition, offset }: ConsumedRecord,
    error: unknown,
    { failed }: PartitionProgress,
    whose: 'failures' | 'troubles',
  ): number {
    const before = failed.get(offset) ?? { failures: 0, troubles: 0 }
    const failure = { ...before, [whose]: before[whose] + 1 }
    const delayMs = backoffMs(whose === 'failures' ? this.definition.retry : troubleBackoff, failure[whose])
    failed.set(offset, { ...failure, retryAt: performance.now() + delayMs })
    const fields = { consumer: this.definition.name, topic, partition, offset: String(offset), delayMs, err: error }
    this.logger.warn(fields, 'a record failed; tried again')
    return delayMs
  }

  private halt(progress: PartitionProgress, error: unknown): number {
    progress.halted = error instanceof Error ? error : new Error(String(error))
    this.logger.error({ consumer: this.definition.name, err: error }, 'a partition has halted')
    return Infinity
  }
}
