import type { Mutant } from '../experiment.js'
import { pause } from '../workload/pause.js'

/** Turns the view to a table that was at the head a moment ago: the live one is further by now. */
export const promoteWithoutCatchUp: Mutant = {
  name: 'promote-without-catch-up',
  defect: 'a promote does not bring the table to where the live one is by then',
  experiment: 'promotes-under-load',
  caughtBy: ['requirements'],
  async interceptQuery(query) {
    if (query.name !== 'lock-checkpoints') return query.send()
    // Other locks, and other time, may lie between the last batch and the switch.
    await pause(30)
    const result = await query.send()
    const rows = (result.rows as unknown as [string, string][]).map(([name]) => [name, '0'])
    return { ...result, rows }
  },
}
