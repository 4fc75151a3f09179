import type { RecordedEvent } from '@tidemark/eventstore'
import type { RowKey } from '../define-projection.js'
import { isPoison } from './is-poison.js'
import type { PoisonPolicy } from './poison-rules.js'

/** An event that is set aside, and why. */
export interface SetAside {
  readonly event: RecordedEvent
  /** The rows that it would have touched, as far as the code could tell. */
  readonly keys: readonly RowKey[]
  readonly status: 'failed' | 'blocked' | 'skipped'
  /** What a failed or skipped event met. */
  readonly error?: unknown
}

/** A stream, whosever it is. */
export type StreamKey = string

export function streamKeyOf({
  tenant,
  streamId,
}: {
  readonly tenant?: string | undefined
  readonly streamId: string
}): StreamKey {
  return tenant === undefined ? streamId : `${tenant} ${streamId}`
}

/**
 * Where the events of a batch go that cannot be handled.
 *
 * Events of a stream that waits are set aside whatever they are: out of order they would be worth nothing.
 */
export class Parking {
  private taken: SetAside[] = []

  constructor(
    /** The streams of which events wait, and where the first of these is. */
    private readonly waiting: Map<StreamKey, bigint>,
    /** `stop` takes nothing in, and throws what an event met. */
    private readonly policy: PoisonPolicy,
  ) {}

  /** What was set aside since it was taken out last. */
  get setAside(): readonly SetAside[] {
    return this.taken
  }

  /** Hands out what was set aside, once. */
  takeOut(): readonly SetAside[] {
    const out = this.taken
    this.taken = []
    return out
  }

  /** Whether an event has to wait for an earlier one of its stream; it is set aside if so. */
  holds(event: RecordedEvent, keys: readonly RowKey[]): boolean {
    if (this.waiting.size === 0) return false
    const first = this.waiting.get(streamKeyOf(event))
    // Shards of rows pass an event each at its own time: what comes before the one that failed does not wait.
    if (first === undefined || event.position <= first) return false
    this.taken.push({ event, keys, status: 'blocked' })
    return true
  }

  /** Sets an event aside that met an error, or throws the error where it is not the event's fault or nothing may be set aside. */
  take(event: RecordedEvent, keys: readonly RowKey[], error: unknown): void {
    if (this.policy === 'stop' || !isPoison(error)) throw error
    this.taken.push({ event, keys, status: this.policy === 'park' ? 'failed' : 'skipped', error })
    if (this.policy === 'park') this.waiting.set(streamKeyOf(event), event.position)
  }
}
