import type { Mutant } from '../experiment.js'

/** Empties the table that a build is gone on with, and goes on where the build was. */
export const emptiedTableKeptCheckpoint: Mutant = {
  name: 'emptied-table-kept-checkpoint',
  defect: 'a rebuild that is run again empties its table, and keeps its checkpoint',
  experiment: 'killed-rebuilds',
  caughtBy: ['I6', 'requirements'],
  async interceptQuery(query) {
    const [name, owner] = query.values
    const rebuilds =
      query.name === 'claim-existing-checkpoint' && typeof owner === 'string' && owner.startsWith('rebuild/')
    if (rebuilds && typeof name === 'string')
      await query.runApart(`delete from tidemark_read.${name.replace(/^projection:/, '').replace(/\/\d+$/, '')}`)
    return query.send()
  },
}
