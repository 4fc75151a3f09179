import type { Mutant } from '../experiment.js'

/** Leaves a filter by type to a walk through the whole log. */
export const typesWithoutIndex: Mutant = {
  name: 'types-without-index',
  defect: 'events of a rare type are looked for without an index',
  experiment: 'peers-cases',
  caughtBy: ['requirements'],
  async changeDatabase(client) {
    await client.query('drop index tidemark.events_type_position_idx')
  },
}
