import type { Mutant } from '../experiment.js'

/**
 * Lets each session take ten positions ahead: it then uses them after the head has passed them.
 *
 * A subscription refuses such a database when it starts; the readers of the experiment read the log itself, and show why.
 */
export const cachedSequence: Mutant = {
  name: 'cached-sequence',
  defect: 'the sequence of positions has CACHE 10',
  experiment: 'gap-hunter',
  caughtBy: ['I4'],
  async changeDatabase(client) {
    await client.query('alter table tidemark.events alter column position set cache 10')
  },
}
