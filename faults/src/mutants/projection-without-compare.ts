import type { Mutant } from '../experiment.js'
import { MutationMissedError } from '../fault-lab-error.js'

const comparison = 'and owner_epoch = $2 and position = $3 and $4 >= position'
// The parameters stay, so that the driver may send them.
const noComparison = 'and $2::bigint is not null and $3::bigint is not null'

/** Lets a projector that slept move its checkpoint, whoever has it by now and wherever it is. */
export const projectionWithoutCompare: Mutant = {
  name: 'projection-without-compare',
  defect: 'a projector moves its checkpoint without comparing the owner and the old position',
  experiment: 'paused-projectors',
  caughtBy: ['I6'],
  interceptQuery(query) {
    if (query.name !== 'advance-checkpoint') return query.send()
    if (!query.text.includes(comparison)) throw new MutationMissedError('the statement of a checkpoint', comparison)
    return query.send(query.text.replace(comparison, noComparison))
  },
}
