import { createEventStore } from '@tidemark/eventstore'
import type { Experiment } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { recordModel } from '../workload/ledger-fold.js'
import { fillLedgerAtOnce } from '../workload/ledger-writer.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses } from '../workload/projection-processes.js'
import { recordProjectionsCatchUp } from '../workload/projection-progress.js'
import { lastPosition } from '../workload/record-log.js'

const events = { short: 200_000, full: 1_000_000, hunt: 50_000 } as const
const mebibyte = 1024 * 1024
const mostMemory = 512 * mebibyte

/** A large log is built into one row per stream while it grows, in a process whose memory is measured. */
export const largeRebuild: Experiment = {
  name: 'large-rebuild',
  group: 'projector',
  summary: 'a rebuild of 200,000 events (full: 1,000,000) and its promote, under appends, in less than 512 MB',
  checks: ['I6', 'I12', 'requirements'],

  async run({ size, database, history, mutant, signal }) {
    const pool = database.createPool({ max: 6 })
    const store = createEventStore(pool, { listen: false })
    const processes = new ProjectionProcesses(database.url, mutant)
    const done = new AbortController()
    const ended = AbortSignal.any([signal, done.signal])
    const data = { owner: 'o-1', amount: 1 }
    const append = async () => {
      await store.appendToStream('account-new', [{ type: 'Opened', data: { owner: 'o-1' } }], {
        expectedVersion: 'any',
      })
      while (!ended.aborted) {
        await store.appendToStream('account-new', [{ type: 'Deposited', data }], { expectedVersion: 'any' })
        await pause(5)
      }
    }
    let appending: Promise<void> = Promise.resolve()
    try {
      await fillLedgerAtOnce(pool, events[size])
      appending = append()
      const startedAt = performance.now()
      const outcome = await processes.run({ task: 'rebuild', projections: ['account-balances'], batchSize: 2000 })
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      const peak = outcome?.kind === 'done' ? outcome.peakBytes : Infinity
      const actual = `${Math.round(peak / mebibyte)} MB, after ${seconds} s`
      demand(history, 'peak memory of the rebuild', 'below 512 MB', actual, peak < mostMemory)
      const promoted = outcome?.kind === 'done' && outcome.promoted
      demand(history, 'the rebuild', 'promoted', JSON.stringify(outcome), promoted)
      await processes.start({ task: 'follow', projections: ['account-balances'], batchSize: 1000 }).started
      done.abort()
      await appending
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, ['account-balances'], await lastPosition(pool))
      await recordModel(pool, history, 'account-balances')
    } finally {
      done.abort()
      await appending
      await processes.close()
      await store.close()
    }
  },
}
