import { groupBy } from '../group-by.js'
import type { Check } from './check.js'

/** Versions follow each other, in the order of the positions. */
export const versionsWithoutHoles: Check = {
  name: 'I3',
  promise: 'the versions of a stream run without holes',
  applies: ({ log }) => log.length > 0,
  *breaches({ log }) {
    for (const [streamId, events] of groupBy(log, (event) => event.streamId)) {
      let previous = 0n
      for (const { version, position } of events) {
        if (version !== previous + 1n) {
          yield `stream ${streamId} goes from version ${previous} to ${version} at position ${position}`
        }
        previous = version
      }
    }
  },
}
