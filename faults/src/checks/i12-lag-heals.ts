import type { Check } from './check.js'

const healWithinMs = 30_000

/** After the last fault, subscribers reach the head soon. */
export const lagHeals: Check = {
  name: 'I12',
  promise: 'lag is 0 within 30 s after the last fault heals',
  applies: ({ healedMs, caughtUp }) => healedMs !== undefined && caughtUp.length > 0,
  *breaches({ healedMs = 0, caughtUp }) {
    for (const { subscriber, atMs } of caughtUp) {
      if (atMs === undefined) yield `${subscriber} never reached the head`
      else if (atMs - healedMs > healWithinMs) {
        yield `${subscriber} reached the head ${Math.round((atMs - healedMs) / 1000)} s after the last fault`
      }
    }
  },
}
