import { isDeepStrictEqual } from 'node:util'
import type { Check } from './check.js'

/** A snapshot never changes what an aggregate is. */
export const snapshotsEqualTheFold: Check = {
  name: 'I11',
  promise: 'snapshot and tail equal the full fold',
  applies: ({ loads }) => loads.length > 0,
  *breaches({ loads }) {
    for (const { streamId, version, loaded, folded } of loads) {
      if (!isDeepStrictEqual(loaded, folded)) {
        yield `${streamId} at version ${version} was loaded as ${JSON.stringify(loaded)}, its events fold to ${JSON.stringify(folded)}`
      }
    }
  },
}
