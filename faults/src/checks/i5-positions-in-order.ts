import type { Check } from './check.js'

/** One position, one event, for ever; causes come first. */
export const positionsInOrder: Check = {
  name: 'I5',
  promise: "positions are never reused, and a cause's position is below its effect's",
  applies: ({ log }) => log.length > 0,
  *breaches({ log, byId, reads }) {
    const idAt = new Map<bigint, string>()
    const claim = (position: bigint, id: string): string | undefined => {
      const other = idAt.get(position)
      idAt.set(position, id)
      return other === undefined || other === id
        ? undefined
        : `position ${position} was event ${other}'s and event ${id}'s`
    }
    for (const { id, position, causationId } of log) {
      const reused = claim(position, id)
      if (reused !== undefined) yield reused
      const cause = causationId === undefined ? undefined : byId.get(causationId)
      if (cause && cause.position >= position) {
        yield `event ${id} at ${position} was caused by event ${cause.id} at ${cause.position}`
      }
    }
    for (const steps of reads.values()) {
      for (const { events } of steps) {
        for (const [position, id] of events) {
          const reused = claim(BigInt(position), id)
          if (reused !== undefined) yield reused
        }
      }
    }
  },
}
