import { isDeepStrictEqual } from 'node:util'
import type { Check } from './check.js'

/** What was acknowledged is in the log, once, as it was sent, and at the version that the caller was told. */
export const acknowledgedOnce: Check = {
  name: 'I1',
  promise: 'every acknowledged event is stored exactly once, with the same content',
  applies: ({ appends }) => appends.some(({ outcome }) => outcome === 'ok'),
  *breaches({ appends, log, byId }) {
    const seen = new Set<string>()
    for (const { id } of log) {
      if (seen.has(id)) yield `event ${id} is stored more than once`
      seen.add(id)
    }
    for (const { outcome, caller, streamId, events, version } of appends) {
      if (outcome !== 'ok') continue
      for (const [index, { id, data }] of events.entries()) {
        const stored = byId.get(id)
        if (!stored) {
          yield `event ${id} of stream ${streamId} was acknowledged to ${caller} and is not stored`
          continue
        }
        if (stored.streamId !== streamId)
          yield `event ${id} was sent to stream ${streamId}, and is in ${stored.streamId}`
        if (!isDeepStrictEqual(stored.data, data)) {
          yield `event ${id} was sent as ${JSON.stringify(data)}, and is stored as ${JSON.stringify(stored.data)}`
        }
        const told = version === undefined ? undefined : BigInt(version) - BigInt(events.length - 1 - index)
        if (told !== undefined && stored.version !== told) {
          yield `event ${id} of stream ${streamId} was acknowledged at version ${told}, and is at ${stored.version}`
        }
      }
    }
  },
}
