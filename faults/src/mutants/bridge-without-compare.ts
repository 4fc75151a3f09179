import type { Mutant } from '../experiment.js'
import { projectionWithoutCompare } from './projection-without-compare.js'

/** Lets a bridge that slept move its checkpoint and keep its lease, whoever has it by now and wherever it is. */
export const bridgeWithoutCompare: Mutant = {
  name: 'bridge-without-compare',
  defect: 'a bridge goes on with a checkpoint that another owner has, and moves it without comparing',
  experiment: 'racing-bridges',
  caughtBy: ['I8'],
  async interceptQuery(query) {
    if (query.name === 'renew-leases') {
      const result = await query.send()
      return { ...result, rows: result.rows.filter(([owner]: [string | null]) => owner !== null) }
    }
    return projectionWithoutCompare.interceptQuery?.(query) ?? query.send()
  },
}
