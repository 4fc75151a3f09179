import { DatabaseError } from '@tidemark/eventstore'
import type { Mutant } from '../experiment.js'

/** Takes a full disk for an error of the statement: a caller who goes by `retryable` gives up for good. */
export const fullDiskIsFinal: Mutant = {
  name: 'full-disk-is-final',
  defect: 'an append that found the disk full says that no retry mends it',
  experiment: 'full-disk',
  caughtBy: ['requirements'],
  async wrapAppend(append) {
    try {
      return await append()
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.sqlState !== '53100') throw error
      throw new DatabaseError('other', error.sqlState, error.message, { cause: error })
    }
  },
}
