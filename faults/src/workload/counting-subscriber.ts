import { inTransaction, type EventStore, type Subscription } from '@tidemark/eventstore'
import type pg from 'pg'
import type { Mutant } from '../experiment.js'
import { groupBy } from '../group-by.js'
import type { HistoryWriter } from '../history/history-writer.js'
import { pause } from './pause.js'

/** A subscriber whose effect shows every event that is handled twice, or not at all. */
export interface CountingSubscriberOptions {
  readonly store: EventStore
  readonly name: string
  readonly leaseMs: number
  readonly mutant?: Mutant | undefined
  /** How long it stops while it works on a batch, in ms. */
  readonly pauseMs: () => number
}

const add = `
insert into tidemark_read.counted as c (stream_id, count)
select stream_id, n from unnest($1::text[], $2::bigint[]) w(stream_id, n) order by stream_id
on conflict (stream_id) do update set count = c.count + excluded.count`

/** Makes the table that {@link subscribeCounting} counts in. */
export async function createCountedTable(pool: pg.Pool): Promise<void> {
  await pool.query('create table tidemark_read.counted (stream_id text primary key, count bigint not null)')
}

/** Counts the events of each stream, in the transaction that moves the checkpoint. */
export function subscribeCounting(options: CountingSubscriberOptions): Subscription {
  const { store, name, leaseMs, mutant, pauseMs } = options
  return store.subscribe({
    name,
    leaseMs,
    batchSize: 50,
    handle: async ({ events, to, checkpoint }) => {
      const counts = [...groupBy(events, ({ streamId }) => streamId)].map(([id, group]) => [id, group.length] as const)
      await pause(pauseMs())
      await inTransaction(store.pool, async (transaction) => {
        await transaction.query(add, [counts.map(([id]) => id), counts.map(([, count]) => count)])
        await pause(pauseMs())
        await checkpoint.advance(mutant?.wrapCheckpoint?.(transaction) ?? transaction, to)
      })
    },
  })
}

/** Takes down the counts and their checkpoint, as one snapshot has them. */
export async function recordCounts(pool: pg.Pool, history: HistoryWriter, name: string): Promise<void> {
  const { rows } = await pool.query<{ position: string; counts: Record<string, number> | null }>(
    `select position, (select json_object_agg(stream_id, count) from tidemark_read.counted) as counts
       from tidemark.checkpoints where name = $1`,
    [name],
  )
  history.add({ kind: 'counter', name, checkpoint: rows[0]?.position ?? '0', counts: rows[0]?.counts ?? {} })
}

/** Waits until the checkpoint is at `position`, and takes down when that was, or that it never was. */
export async function recordCatchUp(
  pool: pg.Pool,
  history: HistoryWriter,
  { name, position, withinMs = 30_000 }: { name: string; position: bigint; withinMs?: number },
): Promise<void> {
  const giveUpAt = performance.now() + withinMs
  while (performance.now() < giveUpAt) {
    const { rows } = await pool.query<{ position: string }>(
      'select position from tidemark.checkpoints where name = $1',
      [name],
    )
    if (BigInt(rows[0]?.position ?? 0) >= position) {
      history.add({ kind: 'caught-up', subscriber: name, atMs: history.now() })
      return
    }
    await pause(20)
  }
  history.add({ kind: 'caught-up', subscriber: name })
}
