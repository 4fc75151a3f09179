import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-projection-progress',
  text: (schema) => `
with wanted as (
  select p.name, p.version, p.table_name, s.checkpoint, p.inline, p.fed_by
    from ${schema}.projections p
   cross join lateral ${schema}.shard_checkpoints(p.table_name, p.shards) as s(checkpoint)
   where p.status = 'live' and p.name = any($1)
   union all
  select h.name, null, null, h.checkpoint, false, null from unnest($2::text[], $3::text[]) as h(name, checkpoint)
)
select w.name, w.version, w.table_name, min(c.position), string_agg(distinct c.owner, ', ') filter (where c.lease_until > clock_timestamp()),
       min(c.error), bool_and(coalesce(c.lease_until > clock_timestamp(), false)),
       bool_or(c.error is not null and coalesce(c.lease_until < clock_timestamp(), true)),
       max(c.failures), bool_or(c.paused_at is not null), min(c.pause_reason), count(*),
       extract(epoch from max(c.retry_at) - clock_timestamp()) * 1000, bool_or(w.inline),
       extract(epoch from clock_timestamp() - (array_agg(c.updated_at order by c.position))[1]) * 1000,
       case when count(distinct c.epoch) = 1 then min(c.epoch::text) end, min(w.fed_by)
  from wanted w
  join ${schema}.checkpoints c on c.name = w.checkpoint
 group by w.name, w.version, w.table_name`,
}

/** How far a projection is, by what the database knows. */
export interface Progress {
  readonly name: string
  /** The live version of a read model; undefined for a handler. */
  readonly version: number | undefined
  /** The live table, without its schema. */
  readonly table: string | undefined
  /** Where all of its shards have come. */
  readonly position: bigint
  /** The processes that have it. */
  readonly owner: string | undefined
  readonly error: string | undefined
  /** Whether each shard is in somebody's hands. */
  readonly leaseRuns: boolean
  /** Whether a shard stands still with an error that nobody works on. */
  readonly abandoned: boolean
  /** How often the batch that is next has failed. */
  readonly failures: number
  /** Why it was paused; undefined unless it was. */
  readonly paused: string | undefined
  readonly shards: number
  /** After how many milliseconds a failed batch is tried again. */
  readonly retryInMs: number | undefined
  /** Whether appends keep it up to date: it then shows every event that is committed, and `position` says nothing. */
  readonly inline: boolean
  /** The consumer group that feeds it: `position` says nothing either, and no position can be waited for. */
  readonly fedBy: string | undefined
  /** For how many milliseconds the shard that is furthest behind has not moved. */
  readonly unmovedMs: number
  /** The epoch of the log that its checkpoints are places in; undefined where they are of different ones, or did not move yet. */
  readonly epoch: string | undefined
}

type ProgressRow = [
  ...[name: string, version: string | null, table: string | null, position: string, owner: string | null],
  ...[error: string | null, leaseRuns: string, abandoned: string, failures: string],
  ...[paused: string, pauseReason: string | null, shards: string, retryInMs: string | null, inline: string],
  ...[unmovedMs: string, epoch: string | null, fedBy: string | null],
]

/** Reads how far read models are, and handlers by the names of their checkpoints; what never started is left out. */
export async function selectProgress(
  database: Database,
  readModels: readonly string[],
  handlers: readonly { readonly name: string; readonly checkpoint: string }[],
): Promise<Map<string, Progress>> {
  const values = [readModels, handlers.map(({ name }) => name), handlers.map(({ checkpoint }) => checkpoint)]
  const rows = await run<ProgressRow>(database, statement, values)
  return new Map(
    rows.map((row) => {
      const [name, version, table, position, owner, error, leaseRuns, abandoned, failures, paused, pauseReason] = row
      const [shards, retryInMs, inline, unmovedMs, epoch, fedBy] = row.slice(11)
      const progress: Progress = {
        name,
        version: version === null ? undefined : Number(version),
        table: table ?? undefined,
        position: BigInt(position),
        owner: owner ?? undefined,
        error: error ?? undefined,
        leaseRuns: leaseRuns === 't',
        abandoned: abandoned === 't',
        failures: Number(failures),
        paused: paused === 't' ? (pauseReason ?? '') : undefined,
        shards: Number(shards),
        retryInMs: retryInMs == null ? undefined : Math.max(Number(retryInMs), 0),
        inline: inline === 't',
        fedBy: fedBy ?? undefined,
        unmovedMs: Number(unmovedMs),
        epoch: epoch ?? undefined,
      }
      return [name, progress]
    }),
  )
}
