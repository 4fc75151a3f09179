import { resolveLosers, storedResult, type AppendResult } from './append-outcome.js'
import type { Database } from './database.js'
import { DatabaseError, OutcomeUnknownError, OverloadedError, StoreClosedError } from './errors.js'
import { failpoint } from './failpoint.js'
import { EffectsFailed, withoutWrapping } from './inline-effects.js'
import { hasPersonalPart } from './personal-data/personal-events.js'
import { isUniqueViolation, translateDatabaseError } from './postgres-errors.js'
import type { StreamAppend, StoredPart } from './sql/insert-events.js'

export interface AppendQueueOptions {
  /** How many appends may wait; the next one fails with `OverloadedError`. */
  readonly maxQueued: number
  /** How many events one statement carries at most. */
  readonly maxGroupEvents: number
  /** How long a broken connection or a locked stream is tried again before the call fails. */
  readonly retryForMs: number
  /** Called after events were stored. */
  readonly onStored: () => void
  /** Stores the parts of a group, waiting for no stranger's lock for long. */
  readonly insert: (parts: readonly StreamAppend[]) => Promise<ReadonlyMap<string, StoredPart>>
  /** Encrypts the personal data of an append. */
  readonly seal: (part: StreamAppend) => Promise<StreamAppend>
  /** Called when a statement leaves, with the number of appends that it carries. */
  readonly onSent: (appends: number) => void
}

interface Call {
  readonly part: StreamAppend
  readonly resolve: (result: AppendResult) => void
  readonly reject: (error: unknown) => void
  /** When the first attempt began, by a monotonic clock. */
  readonly startedAt: number
  attempts: number
  /** Set after a group failed: the call travels by itself. */
  apart: boolean
}

/** One stream's part of a group: the calls that share it, one unless all of them append at any version. */
interface Part {
  readonly calls: readonly [Call, ...Call[]]
  readonly append: StreamAppend
}

const maxGroups = 2
const secondGroupFromEvents = 16
const maxAlone = 4
const maxGroupBytes = 4 * 1024 * 1024

/**
 * Group append: the calls that arrive while a statement is on its way travel together in the next one.
 *
 * Each call keeps its own outcome. A stream is in one statement at a time, so that no statement waits for another of this
 * process; within a statement streams are sorted, so that those of other processes cannot deadlock with it. When a group meets a
 * stranger's lock, or fails otherwise, its calls go on apart; a stream that stays locked is tried apart, with pauses, until it is free.
 */
export class AppendQueue {
  private waiting: Call[] = []
  private readonly busyStreams = new Set<string>()
  private readonly lockedStreams = new Set<string>()
  private groups = 0
  private alone = 0
  private pausing = 0
  private flushScheduled = false
  private closed = false
  private onIdle: (() => void)[] = []

  constructor(
    private readonly database: Database,
    private readonly options: AppendQueueOptions,
  ) {}

  /** Queues an append and waits for its outcome. An aborted call that has not left yet is withdrawn; one that has left goes on. */
  append(part: StreamAppend, signal?: AbortSignal): Promise<AppendResult> {
    // Before it waits: a stranger's key must not hold a group.
    if (hasPersonalPart(part)) return this.options.seal(part).then((sealed) => this.append(sealed, signal))
    if (this.closed) return Promise.reject(new StoreClosedError())
    if (this.waiting.length >= this.options.maxQueued) return Promise.reject(new OverloadedError(this.waiting.length))
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const call: Call = { part, resolve, reject, startedAt: performance.now(), attempts: 0, apart: false }
      this.waiting.push(signal ? this.withdrawable(call, signal) : call)
      this.scheduleFlush()
    })
  }

  /** Refuses new appends and waits for those that were accepted. */
  async close(): Promise<void> {
    this.closed = true
    if (!this.isIdle()) await new Promise<void>((resolve) => this.onIdle.push(resolve))
  }

  private isIdle(): boolean {
    return this.waiting.length + this.groups + this.alone + this.pausing === 0
  }

  private withdrawable(call: Call, signal: AbortSignal): Call {
    const withdraw = () => {
      if (watched.attempts > 0) return
      this.waiting = this.waiting.filter((other) => other !== watched)
      call.reject(signal.reason)
    }
    const settle = <Value>(act: (value: Value) => void) => {
      return (value: Value) => {
        signal.removeEventListener('abort', withdraw)
        act(value)
      }
    }
    const watched: Call = { ...call, resolve: settle(call.resolve), reject: settle(call.reject) }
    signal.addEventListener('abort', withdraw)
    return watched
  }

  /** Calls of the same turn of the event loop leave together. */
  private scheduleFlush(): void {
    if (this.flushScheduled) return
    this.flushScheduled = true
    setImmediate(() => {
      this.flushScheduled = false
      this.flush()
    })
  }

  private flush(): void {
    while (this.groups === 0 || (this.groups < maxGroups && this.waitingEvents() >= secondGroupFromEvents)) {
      const group = this.takeGroup()
      if (group.length === 0) break
      this.groups++
      void this.attempt(group).finally(() => {
        this.groups--
        this.scheduleFlush()
      })
    }
    if (this.isIdle()) for (const resolve of this.onIdle.splice(0)) resolve()
  }

  private waitingEvents(): number {
    let events = 0
    for (const { part } of this.waiting) events += part.events.length
    return events
  }

  /** How many events the next group may carry. Enough for two groups are shared out, so that Postgres writes one while the other's callers go on. */
  private roomInGroup(): number {
    const waiting = this.waitingEvents()
    if (this.groups > 0 || waiting < maxGroups * secondGroupFromEvents) return this.options.maxGroupEvents
    return Math.min(this.options.maxGroupEvents, Math.ceil(waiting / maxGroups))
  }

  /** Takes the calls that can travel together, in order of arrival, and sends those that go apart; the others keep their places. */
  private takeGroup(): readonly Part[] {
    const group = new Map<string, [Call, ...Call[]]>()
    const left: Call[] = []
    let room = this.roomInGroup()
    let roomBytes = maxGroupBytes
    for (const call of this.waiting) {
      const { streamId, events } = call.part
      const sharing = group.get(streamId)
      if (this.busyStreams.has(streamId) || (sharing && !mayShare(sharing, call))) {
        left.push(call)
      } else if (call.apart || this.lockedStreams.has(streamId)) {
        if (sharing || this.alone >= maxAlone) left.push(call)
        else this.sendApart(call)
      } else if (group.size > 0 && (events.length > room || roomBytes <= 0)) {
        left.push(call)
      } else {
        if (sharing) sharing.push(call)
        else group.set(streamId, [call])
        room -= events.length
        for (const { data, metadata } of events) roomBytes -= data.length + metadata.length
      }
    }
    this.waiting = left
    return [...group.values()].map((calls) => this.occupy(calls))
  }

  /** Makes one part of the calls on one stream, and keeps the stream until their statement is over. */
  private occupy(calls: readonly [Call, ...Call[]]): Part {
    const [first] = calls
    this.busyStreams.add(first.part.streamId)
    return {
      calls,
      append: calls.length === 1 ? first.part : { ...first.part, events: calls.flatMap(({ part }) => part.events) },
    }
  }

  private sendApart(call: Call): void {
    this.alone++
    void this.attempt([this.occupy([call])]).finally(() => {
      this.alone--
      this.scheduleFlush()
    })
  }

  private async attempt(group: readonly Part[]): Promise<void> {
    let unsettled = group
    try {
      for (const { calls } of group) for (const call of calls) call.attempts++
      this.options.onSent(group.reduce((appends, { calls }) => appends + calls.length, 0))
      await failpoint?.('append.before')
      const parts = group.map(({ append }) => append)
      const stored = await this.options.insert(parts)
      await failpoint?.('append.after')
      for (const part of group) {
        const place = stored.get(part.append.streamId)
        if (place) settleStored(part, place)
        this.lockedStreams.delete(part.append.streamId)
      }
      if (stored.size > 0) this.options.onStored()
      unsettled = group.filter(({ append }) => !stored.has(append.streamId))
      if (unsettled.length > 0) await this.settleLosers(unsettled)
    } catch (error) {
      // The first event's id decides without an error; a later one's that is taken fails the statement.
      if (isUniqueViolation(error) && unsettled.length === 1 && unsettled[0]?.calls.length === 1)
        await this.settleLosers(unsettled).catch((failure: unknown) => this.settleFailure(unsettled, failure))
      else this.settleFailure(unsettled, error)
    } finally {
      for (const { append } of group) this.busyStreams.delete(append.streamId)
    }
  }

  /** Reads why parts were not stored; a part that several calls share is told apart call by call. */
  private async settleLosers(losers: readonly Part[]): Promise<void> {
    const calls = losers.flatMap((part) => part.calls)
    const parts = calls.map(({ part }) => part)
    for (const [index, outcome] of (await resolveLosers(this.database, parts)).entries()) {
      const call = calls[index]
      if (!call) continue
      if (outcome === 'try-again') this.again(call)
      else if ('result' in outcome) call.resolve(outcome.result)
      else call.reject(outcome.error)
    }
  }

  private settleFailure(group: readonly Part[], error: unknown): void {
    const calls = group.flatMap((part) => part.calls)
    const failure = error instanceof EffectsFailed ? error : translateDatabaseError(error)
    const kind = failure instanceof DatabaseError ? failure.kind : undefined
    for (const call of calls) {
      const expired = performance.now() - call.startedAt > this.options.retryForMs
      if (kind === 'connection' || kind === 'shutting-down') {
        if (expired) call.reject(outcomeUnknown(call, failure))
        else this.againAfterPause(call)
      } else if (calls.length > 1) {
        // Whatever one call brought in must not fail the others: apart, each has its own outcome.
        call.apart = true
        this.again(call)
      } else if ((kind === 'lock-timeout' || kind === 'serialization') && !expired) {
        this.lockedStreams.add(call.part.streamId)
        this.againAfterPause(call)
      } else {
        this.lockedStreams.delete(call.part.streamId)
        call.reject(withoutWrapping(failure))
      }
    }
  }

  private again(call: Call): void {
    this.waiting.unshift(call)
    this.scheduleFlush()
  }

  /** The same event ids again: if an earlier attempt was stored after all, its outcome is found by them. */
  private againAfterPause(call: Call): void {
    this.pausing++
    setTimeout(
      () => {
        this.pausing--
        this.again(call)
      },
      Math.min(10 * 2 ** call.attempts, 200) * (0.5 + Math.random()),
    )
  }
}

/** Calls at any version follow each other within one part; any other expectation has its stream for itself. */
function mayShare([first]: readonly [Call, ...Call[]], call: Call): boolean {
  return first.part.expected === -1n && call.part.expected === -1n
}

function settleStored({ calls, append }: Part, stored: StoredPart): void {
  let skip = 0
  for (const { part, resolve } of calls) {
    resolve(storedResult(append.streamId, part.events, stored, skip))
    skip += part.events.length
  }
}

function outcomeUnknown({ part }: Call, cause: Error): OutcomeUnknownError {
  const ids = part.events.map(({ id }) => id)
  return new OutcomeUnknownError(part.streamId, ids, { cause })
}
