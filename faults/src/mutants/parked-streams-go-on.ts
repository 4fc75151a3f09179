import type { Mutant } from '../experiment.js'

/** Sets aside the event that fails, and handles the later ones of its stream. */
export const parkedStreamsGoOn: Mutant = {
  name: 'parked-streams-go-on',
  defect: 'the later events of a stream are handled although an earlier one is parked',
  experiment: 'poisoned-streams',
  caughtBy: ['I6'],
  async interceptQuery(query) {
    const result = await query.send()
    return query.name === 'select-parked-streams' ? { ...result, rows: [] } : result
  },
}
