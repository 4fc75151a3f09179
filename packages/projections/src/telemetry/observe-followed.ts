import type { Followed } from '../table-follower.js'
import type { ProjectionMetrics } from './projection-metrics.js'

/** The same work, with the figures of its batches; the very same object where nobody measures. */
export function observeFollowed(
  projection: string,
  followed: Followed,
  metrics: ProjectionMetrics | undefined,
): Followed {
  if (!metrics) return followed
  const { effects, onAdvance } = followed
  let begunAt: number | undefined
  const failed = () => {
    begunAt = undefined
    metrics.batchFailed(projection)
  }
  return {
    ...followed,
    effects: {
      reload: () => effects.reload(),
      async apply(transaction, events, tolerant) {
        // What was begun and has neither failed nor advanced failed in its commit.
        if (begunAt !== undefined) failed()
        begunAt = performance.now()
        try {
          return await effects.apply(transaction, events, tolerant)
        } catch (error) {
          failed()
          throw error
        }
      },
    },
    onAdvance() {
      if (begunAt !== undefined) metrics.batchEnded(projection, performance.now() - begunAt)
      begunAt = undefined
      onAdvance()
    },
  }
}
