import type { Queryable } from '@tidemark/eventstore'
import type { QueryConfig } from 'pg'
import type { Mutant } from '../experiment.js'
import { MutationMissedError } from '../fault-lab-error.js'

const comparison = 'and owner_epoch = $2 and position = $3'
// The parameters stay, so that the driver may send them.
const noComparison = 'and $2::bigint is not null and $3::bigint is not null'

/** Moves a checkpoint whoever owns it by now, and wherever it is by now. */
export const checkpointWithoutCompare: Mutant = {
  name: 'checkpoint-without-compare',
  defect: 'a checkpoint is moved without comparing its owner and its old position',
  experiment: 'zombie-owners',
  caughtBy: ['I6'],
  wrapCheckpoint: (transaction) => {
    const query = (config: QueryConfig) => {
      if (!config.text.includes(comparison)) throw new MutationMissedError('the statement of a checkpoint', comparison)
      // Another text must not go under the name of a prepared statement.
      const { name: _, ...unnamed } = config
      return transaction.query({ ...unnamed, text: config.text.replace(comparison, noComparison) })
    }
    return { query } as unknown as Queryable
  },
}
