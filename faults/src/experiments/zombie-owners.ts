import { createEventStore } from '@tidemark/eventstore'
import type { Experiment } from '../experiment.js'
import { createCountedTable, recordCatchUp, recordCounts, subscribeCounting } from '../workload/counting-subscriber.js'
import { deadline } from '../workload/pause.js'
import { lastPosition, recordLog } from '../workload/record-log.js'
import { runStoreWriter } from '../workload/store-writer.js'

const durations = { short: 8_000, full: 60_000, hunt: 5_000 } as const
const owners = 3
const leaseMs = 100

/** Owners that sleep past their lease, and wake in the middle of a batch that another has done meanwhile. */
export const zombieOwners: Experiment = {
  name: 'zombie-owners',
  group: 'projector',
  summary: 'three owners of one checkpoint sleep past their lease and wake again: every event is counted once',
  checks: ['I1', 'I2', 'I3', 'I6', 'I10', 'I12'],

  async run({ size, random, database, history, mutant, signal }) {
    const pool = database.createPool({ max: 6 })
    await createCountedTable(pool)
    const name = 'counting'
    const choices = random.fork()
    const ends = deadline(durations[size], signal)
    const pauseMs = () => (!ends.aborted && choices.chance(0.25) ? choices.integer(leaseMs, 4 * leaseMs) : 0)
    const stores = Array.from({ length: owners }, () => {
      const store = createEventStore(database.createPool({ max: 4 }), { listen: false, pollIntervalMs: 20 })
      subscribeCounting({ store, name, leaseMs, mutant, pauseMs })
      return store
    })
    const writer = createEventStore(pool, { listen: false })
    await Promise.all(
      Array.from({ length: 4 }, (_, n) =>
        runStoreWriter({
          caller: `writer${n}`,
          store: writer,
          history,
          random: random.fork(),
          longestPauseMs: 50,
          signal: ends,
        }),
      ),
    )
    history.add({ kind: 'healed', atMs: history.now() })
    await recordCatchUp(pool, history, { name, position: await lastPosition(pool) })
    await Promise.all(stores.map((store) => store.close()))
    await recordCounts(pool, history, name)
    await recordLog(pool, history)
    await writer.close()
  },
}
