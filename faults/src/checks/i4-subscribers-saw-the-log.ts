import type { Evidence } from '../history/evidence.js'
import type { ReadEntry } from '../history/entry.js'
import type { Check } from './check.js'

/** A reader has seen every event up to where it says it is, in order, once. */
export const subscribersSawTheLog: Check = {
  name: 'I4',
  promise: 'what a subscriber saw equals the table up to its checkpoint, strictly increasing',
  applies: ({ reads, log }) => reads.size > 0 && log.length > 0,
  *breaches(evidence) {
    for (const [subscriber, steps] of evidence.reads) yield* breachesOf(subscriber, steps, evidence)
  },
}

function* breachesOf(subscriber: string, steps: readonly ReadEntry[], { log, byId }: Evidence): Generator<string> {
  const seen = new Set<string>()
  let last = 0n
  let through = 0n
  for (const step of steps) {
    for (const [text, id] of step.events) {
      const position = BigInt(text)
      if (position <= last) yield `${subscriber} saw position ${position} after ${last}`
      last = position
      if (seen.has(id)) yield `${subscriber} saw event ${id} more than once`
      seen.add(id)
      const stored = byId.get(id)
      if (stored?.position !== position) {
        yield `${subscriber} saw event ${id} at position ${position}, the table has ${stored ? `it at ${stored.position}` : 'no such event'}`
      }
    }
    const next = BigInt(step.through)
    if (next < through) yield `${subscriber} went back from ${through} to ${next}`
    if (next < last) yield `${subscriber} is at ${next}, and saw position ${last}`
    through = next
  }
  for (const { position, id, streamId } of log) {
    if (position > through) break
    if (!seen.has(id)) yield `${subscriber} is at ${through}, and never saw event ${id} of ${streamId} at ${position}`
  }
}
