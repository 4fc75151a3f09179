import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { promoteProjection, rebuildProjection, rollbackProjection } from '@tidemark/projections'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { interceptQueries } from '../workload/intercept-queries.js'
import { accountBalances } from '../workload/ledger.js'
import { recordModel } from '../workload/ledger-fold.js'
import { fillLedger, runLedgerWriters } from '../workload/ledger-writer.js'
import { pause } from '../workload/pause.js'
import { ProjectionProcesses } from '../workload/projection-processes.js'
import { recordProjectionsCatchUp } from '../workload/projection-progress.js'
import { lastPosition, recordLog } from '../workload/record-log.js'

const sizes = {
  short: { events: 1000, switches: 100 },
  full: { events: 20_000, switches: 1000 },
  hunt: { events: 1000, switches: 30 },
} as const

const model = 'account-balances'
/** One switch in so many promotes a table that was just built; the others are rollbacks. */
const rebuildEvery = 10

/** Tables are promoted and rolled back again and again while events are appended and read. */
export const promotesUnderLoad: Experiment = {
  name: 'promotes-under-load',
  group: 'projector',
  summary: '100 promotes and rollbacks under appends: nothing is lost, and no reader sees the model shrink or go back',
  checks: ['I1', 'I2', 'I3', 'I6', 'I12', 'requirements'],

  async run(context) {
    const { size, random, database, history, mutant, signal } = context
    const pool = database.createPool({ max: 10 })
    const store = createEventStore(pool, { listen: false })
    const switching = database.createPool({ max: 4 })
    const switcher = createEventStore(
      mutant?.interceptQuery ? interceptQueries(switching, mutant.interceptQuery) : switching,
      { listen: false },
    )
    const processes = new ProjectionProcesses(database.url, undefined)
    const done = new AbortController()
    const options = { store, history, random: random.fork(), signal: done.signal }
    let busy: Promise<unknown> = Promise.resolve()
    try {
      await fillLedger(options, sizes[size].events)
      await processes.start({ task: 'follow', projections: [model] }).started
      await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
      busy = Promise.all([
        runLedgerWriters(2, { ...options, closes: false, longestPauseMs: 10 }),
        readAll(context, done.signal),
        compareNowAndThen(pool, context, done.signal),
      ])
      busy.catch(() => undefined)
      const switches = await switchTables(switcher, sizes[size].switches, signal)
      demand(history, 'switches', String(sizes[size].switches), switches, switches === sizes[size].switches)
      done.abort()
      await busy
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, [model], await lastPosition(pool))
      await recordModel(pool, history, model)
      await recordLog(pool, history)
    } finally {
      done.abort()
      await Promise.allSettled([busy])
      await processes.close()
      await Promise.all([store.close(), switcher.close()])
    }
  },
}

async function switchTables(store: EventStore, wanted: number, signal: AbortSignal): Promise<number> {
  let switches = 0
  while (switches < wanted && !signal.aborted) {
    if (switches % rebuildEvery === 0) {
      await rebuildProjection(store, accountBalances, { promote: false })
      await promoteProjection(store, accountBalances)
    } else await rollbackProjection(store, accountBalances)
    switches++
  }
  return switches
}

/** Reads the view as fast as it can: no row is ever taken away here, and no deposit. */
async function readAll({ database, history }: ExperimentContext, signal: AbortSignal): Promise<void> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const most = { rows: 0, deposits: 0 }
  const worst = { fewerRows: 0, fewerDeposits: 0, longestMs: 0 }
  let reads = 0
  try {
    while (!signal.aborted) {
      const startedAt = performance.now()
      const { rows } = await client.query<{ rows: number; deposits: number }>(
        'select count(*)::int as rows, coalesce(sum(deposits), 0)::int as deposits from tidemark_read.account_balances',
      )
      const read = rows[0] ?? { rows: 0, deposits: 0 }
      worst.fewerRows = Math.max(worst.fewerRows, most.rows - read.rows)
      worst.fewerDeposits = Math.max(worst.fewerDeposits, most.deposits - read.deposits)
      worst.longestMs = Math.max(worst.longestMs, performance.now() - startedAt)
      Object.assign(most, { rows: Math.max(most.rows, read.rows), deposits: Math.max(most.deposits, read.deposits) })
      reads++
      await pause(2)
    }
  } finally {
    await client.end()
  }
  demand(history, 'reads of the view', 'at least 100', reads, reads >= 100)
  demand(history, 'rows that a reader saw vanish', '0', worst.fewerRows, worst.fewerRows === 0)
  demand(history, 'deposits that a reader saw vanish', '0', worst.fewerDeposits, worst.fewerDeposits === 0)
  const longest = `${Math.round(worst.longestMs)} ms`
  demand(history, 'the longest read', 'at most 2000 ms', longest, worst.longestMs <= 2000)
}

/** A model that is mixed from two tables has the right number of everything, and the wrong rows. */
async function compareNowAndThen(pool: pg.Pool, { history }: ExperimentContext, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await recordModel(pool, history, model)
    await pause(300, signal)
  }
}
