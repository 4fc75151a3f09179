import type { Mutant } from '../experiment.js'

/** Remembers what waits only as long as a process lives. */
export const waitingKeysAreForgotten: Mutant = {
  name: 'waiting-keys-are-forgotten',
  defect: 'whoever takes a bridge over lets later events of a parked key pass',
  experiment: 'oversized-events',
  caughtBy: ['I7'],
  async interceptQuery(query) {
    const result = await query.send()
    return query.name === 'select-waiting-keys' ? { ...result, rows: [] } : result
  },
}
