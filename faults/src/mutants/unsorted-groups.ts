import type { QueryConfig } from 'pg'
import type pg from 'pg'
import type { Mutant } from '../experiment.js'
import { MutationMissedError } from '../fault-lab-error.js'

const order = 'order by i.s collate "C"'

/** Inserts the streams of a group in any order: two groups hold what the other one waits for. */
export const unsortedGroups: Mutant = {
  name: 'unsorted-groups',
  defect: 'the streams of a group are inserted in any order',
  experiment: 'strangers-in-the-group',
  caughtBy: ['requirements'],
  wrapPool: (pool) => {
    const query = pool.query.bind(pool) as (config: QueryConfig | string) => Promise<pg.QueryResult>
    const unsorted = (config: QueryConfig | string) => {
      if (typeof config === 'string' || !config.name?.includes('/insert-events')) return query(config)
      if (!config.text.includes(order)) throw new MutationMissedError('the statement of a group', order)
      return query({ ...config, text: config.text.replace(order, 'order by random()') })
    }
    return Object.assign(Object.create(pool) as pg.Pool, { query: unsorted })
  },
}
