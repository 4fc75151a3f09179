import type pg from 'pg'
import type { HistoryWriter } from '../history/history-writer.js'
import { pause } from './pause.js'

/** A live checkpoint of a projection, as the table has it. */
export interface LiveCheckpoint {
  readonly name: string
  readonly position: bigint
  /** The process that has it, while its lease runs. */
  readonly pid: number | undefined
  readonly error: string | undefined
}

interface CheckpointRow {
  readonly name: string
  readonly position: string
  readonly owner: string | null
  readonly error: string | null
}

/** The checkpoints of a projection's live table, one per shard; none before the first start. */
export async function liveCheckpoints(pool: pg.Pool, projection: string): Promise<LiveCheckpoint[]> {
  const { rows } = await pool.query<CheckpointRow>(
    `select c.name, c.position::text, case when c.lease_until > clock_timestamp() then c.owner end as owner, c.error
       from tidemark.projections p
      cross join lateral tidemark.shard_checkpoints(p.table_name, p.shards) s(name)
       join tidemark.checkpoints c on c.name = s.name
      where p.name = $1 and p.status = 'live' order by 1`,
    [projection],
  )
  return rows.map(({ name, position, owner, error }) => ({
    name,
    position: BigInt(position),
    pid: owner === null ? undefined : Number(owner.split('/').at(-2)),
    error: error ?? undefined,
  }))
}

/** Where all shards of a projection have come. */
export async function positionOf(pool: pg.Pool, projection: string): Promise<bigint> {
  const [first, ...others] = await liveCheckpoints(pool, projection)
  return others.reduce((least, { position }) => (position < least ? position : least), first ? first.position : 0n)
}

/** Waits for a condition, for a time at most; how long it took, or undefined. An error of the database counts as a no. */
export async function until(
  condition: () => Promise<boolean> | boolean,
  withinMs: number,
  everyMs = 20,
): Promise<number | undefined> {
  const startedAt = performance.now()
  for (;;) {
    if (await Promise.resolve(condition()).catch(() => false)) return performance.now() - startedAt
    if (performance.now() - startedAt > withinMs) return undefined
    await pause(everyMs)
  }
}

/** Waits until all shards of projections have reached a position, and takes down when each had, or that it had not. */
export async function recordProjectionsCatchUp(
  pool: pg.Pool,
  history: HistoryWriter,
  projections: readonly string[],
  position: bigint,
): Promise<void> {
  await Promise.all(
    projections.map(async (subscriber) => {
      const took = await until(async () => (await positionOf(pool, subscriber)) >= position, 35_000)
      history.add({ kind: 'caught-up', subscriber, ...(took !== undefined && { atMs: history.now() }) })
    }),
  )
}
