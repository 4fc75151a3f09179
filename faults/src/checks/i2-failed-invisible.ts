import type { Check } from './check.js'

/** The log holds nothing that failed, and nothing that nobody sent. */
export const failedInvisible: Check = {
  name: 'I2',
  promise: 'no failed append is visible; one with an unknown outcome is there once or not at all',
  applies: ({ appends }) => appends.length > 0,
  *breaches({ appends, log, byId }) {
    const sent = new Set<string>()
    const acknowledged = new Set<string>()
    for (const { outcome, events } of appends) {
      for (const { id } of events) {
        sent.add(id)
        // The same events sent again after a failure may well succeed.
        if (outcome !== 'fail') acknowledged.add(id)
      }
    }
    for (const { outcome, caller, events, streamId, error } of appends) {
      if (outcome !== 'fail') continue
      for (const { id } of events) {
        if (byId.has(id) && !acknowledged.has(id)) {
          yield `event ${id} of stream ${streamId} is stored, although ${caller} was told ${error?.code ?? 'that it failed'}`
        }
      }
    }
    for (const { id, streamId } of log) {
      if (!sent.has(id)) yield `event ${id} of stream ${streamId} is stored, and nobody sent it`
    }
  },
}
