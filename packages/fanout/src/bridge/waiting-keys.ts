import type { RecordedEvent } from '@tidemark/eventstore'
import { recordKeyOf } from '../record-key.js'
import type { WaitingLane } from '../sql/parked-record-statements.js'

/**
 * The keys and streams of which a bridge has parked events, each with the place of the first.
 *
 * Later events of either wait: by the key the order of a partition is kept, and by the stream also where a key could not be made, or is made otherwise now.
 */
export class WaitingKeys {
  private readonly keys = new Map<string, bigint>()
  private readonly streams = new Map<string, bigint>()

  constructor(lanes: readonly WaitingLane[] = []) {
    for (const { key, tenant, streamId, first } of lanes)
      this.add({ streamId, position: first, ...(tenant !== undefined && { tenant }) }, key)
  }

  /** Whether an event has to wait. What comes before the first parked event does not: it may have to be sent again after a crash. */
  holds(event: Lane, key: string | undefined): boolean {
    const ofKey = key === undefined ? undefined : this.keys.get(key)
    const ofStream = this.streams.get(recordKeyOf(event))
    return [ofKey, ofStream].some((first) => first !== undefined && event.position >= first)
  }

  /** Makes later events of the same key or stream wait. */
  add(event: Lane, key: string | undefined): void {
    if (key !== undefined) lower(this.keys, key, event.position)
    lower(this.streams, recordKeyOf(event), event.position)
  }
}

type Lane = Pick<RecordedEvent, 'tenant' | 'streamId' | 'position'>

function lower(firsts: Map<string, bigint>, name: string, position: bigint): void {
  const first = firsts.get(name)
  if (first === undefined || position < first) firsts.set(name, position)
}
