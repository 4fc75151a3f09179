import { run, type Database, type Statement } from '@tidemark/eventstore'

const originStatement: Statement = {
  name: 'select-log-origin',
  text: (schema) => `select epoch from ${schema}.epochs order by began_at limit 1`,
}

/** What tells a log from every other for good: the first epoch that it had. */
export async function selectLogOrigin(database: Database): Promise<string> {
  const [row] = await run<[string]>(database, originStatement, [])
  return row?.[0] ?? ''
}

const followStatement: Statement = {
  name: 'follow-log',
  text: (schema) => `
select ${schema}.follow_log($1), current_database() || '.${schema}/' || left(epoch::text, 8) from ${schema}.store`,
}

/** Notes which log the read models of a database are made from, where none was noted; gives the one that is noted, and what the read models are called there. */
export async function followLog(
  database: Database,
  origin: string,
): Promise<{ readonly followed: string | undefined; readonly name: string }> {
  const [row] = await run<[string | null, string]>(database, followStatement, [origin])
  return { followed: row?.[0] ?? undefined, name: row?.[1] ?? '' }
}

const proofStatement: Statement = {
  name: 'select-proof',
  text: (schema) => `
select s.epoch, e.id
  from ${schema}.store s
  left join lateral (
    select id from ((select position, id from ${schema}.events where position <= $1 order by position desc limit 1)
                    union all
                    (select position, id from ${schema}.truncated_events where position <= $1 order by position desc limit 1)) l
     order by position desc limit 1) e on true`,
}

/** What proves that a position is one of this log: its epoch, and the last event at or below the position, be it truncated. */
export async function selectProof(
  database: Database,
  position: bigint,
): Promise<{ readonly epoch: string; readonly eventId: string | undefined }> {
  const [row] = await run<[string, string | null]>(database, proofStatement, [position])
  return { epoch: row?.[0] ?? '', eventId: row?.[1] ?? undefined }
}

const readStatement: Statement = {
  name: 'select-read-position',
  text: (schema) => `
select min(c.position)
  from ${schema}.checkpoints c
 where not exists (select from ${schema}.projections p
                    where p.status = 'previous' and c.name in (select ${schema}.shard_checkpoints(p.table_name, p.shards)))`,
}

/** Up to where all who count have read; undefined where there is nobody. */
export async function selectReadPosition(database: Database): Promise<bigint | undefined> {
  const [row] = await run<[string | null]>(database, readStatement, [])
  return row?.[0] == null ? undefined : BigInt(row[0])
}

const noteStatement: Statement = {
  name: 'note-read-position',
  text: (schema) => `
insert into ${schema}.checkpoints as c (name, position) values ($1, $2)
on conflict (name) do update set position = excluded.position, updated_at = clock_timestamp() where c.position <> excluded.position`,
}

/** Says in the database of the log up to where read models elsewhere have read it. */
export async function noteReadPosition(database: Database, name: string, position: bigint): Promise<void> {
  await run(database, noteStatement, [name, position])
}

const rewindStatement: Statement = {
  name: 'rewind-checkpoint-elsewhere',
  text: (schema) => `
update ${schema}.checkpoints
   set position = $2, event_id = $3, epoch = $4, owner = null, owner_epoch = owner_epoch + 1, lease_until = null,
       error = null, failures = 0, retry_at = null, updated_at = clock_timestamp()
 where name = $1`,
}

/** Moves a checkpoint back to a place, and takes it from whoever has it. */
export async function rewindCheckpoint(
  database: Database,
  name: string,
  place: { readonly position: bigint; readonly eventId: string | undefined; readonly epoch: string },
): Promise<void> {
  await run(database, rewindStatement, [name, place.position, place.eventId ?? null, place.epoch])
}
