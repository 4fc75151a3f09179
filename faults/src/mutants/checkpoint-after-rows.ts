import type pg from 'pg'
import type { Mutant } from '../experiment.js'
import { pause } from '../workload/pause.js'

const gapMs = 20
const moved = { rows: [['1']], rowCount: 1 } as unknown as pg.QueryResult
let moving: Promise<unknown> = Promise.resolve()

/** Moves the checkpoint in a transaction of its own, once the rows are committed: what dies in between counts the batch twice. */
export const checkpointAfterRows: Mutant = {
  name: 'checkpoint-after-rows',
  defect: 'a projection moves its checkpoint in a transaction of its own, after its rows are committed',
  experiment: 'killed-projectors',
  caughtBy: ['I6'],
  async interceptQuery(query) {
    if (query.name !== 'advance-checkpoint') return query.send()
    moving = moving.then(() => pause(gapMs)).then(() => query.sendApart())
    return moved
  },
}
