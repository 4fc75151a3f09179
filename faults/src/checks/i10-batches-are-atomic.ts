import { groupBy } from '../group-by.js'
import type { Check } from './check.js'

/** All events of a batch are there, or none; nobody reads a stream in the middle of one. */
export const batchesAreAtomic: Check = {
  name: 'I10',
  promise: 'a batch is atomic, for readers too',
  applies: ({ appends }) => appends.some(({ events, batch }) => events.length > 1 || batch !== undefined),
  *breaches({ appends, byId, streamReads }) {
    let number = 0
    const partOf = new Map<string, ReadonlySet<string>>()
    for (const [name, entries] of groupBy(appends, ({ batch }) => batch ?? `append ${number++}`)) {
      const ids = entries.flatMap(({ events }) => events.map(({ id }) => id))
      const stored = ids.filter((id) => byId.has(id)).length
      if (stored !== 0 && stored !== ids.length) {
        yield `${stored} of the ${ids.length} events of ${name} by ${entries[0]?.caller ?? 'nobody'} are stored`
      }
      for (const { events, streamId } of entries) {
        let previous: bigint | undefined
        for (const { id } of events) {
          const version = byId.get(id)?.version
          if (version !== undefined && previous !== undefined && version !== previous + 1n) {
            yield `the events of ${name} in ${streamId} do not follow each other: ${previous}, then ${version}`
          }
          previous = version
        }
        const members = new Set(events.map(({ id }) => id))
        for (const id of members) partOf.set(id, members)
      }
    }
    for (const { streamId, ids } of streamReads) {
      const read = new Set(ids)
      const last = ids.at(-1)
      const members = last === undefined ? undefined : partOf.get(last)
      const missing = members ? [...members].filter((id) => !read.has(id)).length : 0
      if (missing > 0)
        yield `a read of ${streamId} ended in the middle of an append: ${missing} of its events were missing`
    }
  },
}
