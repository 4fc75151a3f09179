import type { Mutant } from '../experiment.js'

/** Takes a batch that is not full for the end of the log. */
export const rebuildEndsAtAShortBatch: Mutant = {
  name: 'rebuild-ends-at-a-short-batch',
  defect: 'a rebuild ends with the first batch that is not full',
  experiment: 'read-model-cases',
  caughtBy: ['I6'],
  wrapRead: (read) => async (options) => {
    const batch = await read(options)
    const { upTo, limit } = options
    return upTo !== undefined && batch.events.length < limit ? { ...batch, through: upTo } : batch
  },
}
