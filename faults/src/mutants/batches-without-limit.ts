import type { Mutant } from '../experiment.js'

/** Reads all that there is at once. */
export const batchesWithoutLimit: Mutant = {
  name: 'batches-without-limit',
  defect: 'a batch has everything that waits, however much that is',
  experiment: 'broker-outages',
  caughtBy: ['requirements'],
  wrapRead: (read) => (options) => read({ ...options, limit: 1_000_000 }),
}
