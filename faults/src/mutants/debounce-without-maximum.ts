import type { QueryConfig } from 'pg'
import type pg from 'pg'
import type { Mutant } from '../experiment.js'
import { pause } from '../workload/pause.js'

const quietMs = 50

/** Looks for new events only once nothing was appended for a while: who appends steadily keeps subscribers waiting. */
export const debounceWithoutMaximum: Mutant = {
  name: 'debounce-without-maximum',
  defect: 'subscribers are woken 50 ms after the last append, however long appends go on',
  experiment: 'peers-cases',
  caughtBy: ['requirements'],
  wrapPool: (pool) => {
    const query = pool.query.bind(pool) as (config: QueryConfig | string) => Promise<pg.QueryResult>
    let appendedAt = 0
    const debounced = async (config: QueryConfig | string) => {
      const name = typeof config === 'string' ? '' : (config.name ?? '')
      if (name.includes('/insert-event')) appendedAt = performance.now()
      if (name.endsWith('/select-head')) {
        while (performance.now() < appendedAt + quietMs) await pause(appendedAt + quietMs - performance.now())
      }
      return query(config)
    }
    return Object.assign(Object.create(pool) as pg.Pool, { query: debounced })
  },
}
