import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector, rebuildProjection } from '@tidemark/projections'
import { createTestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { demand } from '../workload/demand.js'
import { ownerTotals } from '../workload/ledger.js'
import { recordModel } from '../workload/ledger-fold.js'
import { fillLedgerAtOnce } from '../workload/ledger-writer.js'
import { deadline, pause } from '../workload/pause.js'
import { positionOf, recordProjectionsCatchUp } from '../workload/projection-progress.js'
import { lastPosition } from '../workload/record-log.js'

const durations = { short: 20_000, full: 600_000, hunt: 4_000 } as const
const lagWithinMs = 1000
const rebuildWithinMs = 10_000

/** Strangers keep write transactions open, in another database of the cluster and in this one: the projector does not notice. */
export const openTransactions: Experiment = {
  name: 'open-transactions',
  group: 'projector',
  summary:
    'write transactions of strangers stay open, in another database and in this one: lag and rebuilds do not wait',
  checks: ['I6', 'I12', 'requirements'],

  async run(context) {
    const { size, database, history, signal } = context
    const pool = database.createPool({ max: 8 })
    const store = createEventStore(pool)
    const projector = createProjector(store, [ownerTotals], { watchIntervalMs: 50 })
    const server = { url: database.url, directUrl: database.directUrl, runId: `faults${process.pid}` }
    const elsewhere = await createTestDatabase({ server })
    const strangers: pg.Client[] = []
    try {
      await projector.start()
      strangers.push(await openTransaction(elsewhere.directUrl))
      const lags = await appendAndWait(store, projector, deadline(durations[size], signal))
      const p99 = lags.toSorted((a, b) => a - b)[Math.floor(lags.length * 0.99)] ?? Infinity
      const actual = `${p99.toFixed(0)} ms over ${lags.length} appends`
      demand(history, 'p99 of the lag beside another database', `below ${lagWithinMs} ms`, actual, p99 < lagWithinMs)
      strangers.push(await openTransaction(database.directUrl))
      await fillLedgerAtOnce(pool, 3000)
      await rebuildBeside(context, store, pool)
      history.add({ kind: 'healed', atMs: history.now() })
      await recordProjectionsCatchUp(pool, history, ['owner-totals'], await lastPosition(pool))
      await recordModel(pool, history, 'owner-totals')
    } finally {
      await Promise.all(strangers.map((client) => client.end()))
      await elsewhere.drop()
      await projector.stop()
      await store.close()
    }
  },
}

/** A transaction that has written, and stays open. */
async function openTransaction(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query('create table if not exists public.unrelated (n integer)')
  await client.query('begin isolation level repeatable read')
  await client.query('insert into public.unrelated values (1)')
  return client
}

async function appendAndWait(
  store: EventStore,
  projector: ReturnType<typeof createProjector>,
  ends: AbortSignal,
): Promise<number[]> {
  const lags: number[] = []
  while (!ends.aborted) {
    const data = { owner: 'o-1', amount: 1 }
    const { position } = await store.appendToStream('account-lag', [{ type: 'Deposited', data }], {
      expectedVersion: 'any',
    })
    const startedAt = performance.now()
    const result = await projector.waitFor('owner-totals', position ?? 0n, { timeoutMs: 2 * lagWithinMs })
    lags.push(result === 'reached' ? performance.now() - startedAt : Infinity)
    await pause(20)
  }
  return lags
}

/** A rebuild while both are open has all events, and waits for neither. */
async function rebuildBeside({ history }: ExperimentContext, store: EventStore, pool: pg.Pool): Promise<void> {
  const last = await lastPosition(pool)
  const startedAt = performance.now()
  const { promoted } = await rebuildProjection(store, ownerTotals)
  const took = performance.now() - startedAt
  const actual = `${Math.round(took)} ms`
  demand(history, 'time of a rebuild', `at most ${rebuildWithinMs} ms`, actual, promoted && took <= rebuildWithinMs)
  const reached = await positionOf(pool, 'owner-totals')
  demand(history, 'the position of the rebuilt model', `at least ${last}`, String(reached), reached >= last)
  await recordModel(pool, history, 'owner-totals')
}
