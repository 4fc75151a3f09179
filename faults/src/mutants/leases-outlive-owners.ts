import type { Mutant } from '../experiment.js'
import { MutationMissedError } from '../fault-lab-error.js'

const ended = 'c.lease_until < clock_timestamp()'

/** Waits for half a minute after a lease has ended, as if its owner could come back. */
export const leasesOutliveOwners: Mutant = {
  name: 'leases-outlive-owners',
  defect: 'a checkpoint is taken over only 30 s after its lease has ended',
  experiment: 'paused-projectors',
  caughtBy: ['requirements'],
  interceptQuery(query) {
    if (query.name !== 'claim-checkpoint') return query.send()
    if (!query.text.includes(ended)) throw new MutationMissedError('the statement that claims a checkpoint', ended)
    return query.send(query.text.replace(ended, `${ended} - interval '30 s'`))
  },
}
