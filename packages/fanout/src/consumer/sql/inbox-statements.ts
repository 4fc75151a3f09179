import { run, type Database, type Statement } from '@tidemark/eventstore'

/** An event as the inbox knows it. */
export interface InboxEvent {
  readonly source: string
  readonly id: string
}

const insert: Statement = {
  name: 'insert-inbox',
  text: (schema) => `
insert into ${schema}.inbox (consumer, source, event_id)
select $1, source, event_id from unnest($2::text[], $3::text[]) as events (source, event_id)
    on conflict do nothing
returning source, event_id`,
}

/** Notes events as handled, in the caller's transaction; returns those that were not before, each once. */
export async function insertInbox(
  database: Database,
  consumer: string,
  events: readonly InboxEvent[],
): Promise<InboxEvent[]> {
  const values = [consumer, events.map(({ source }) => source), events.map(({ id }) => id)]
  const rows = await run<[string, string]>(database, insert, values)
  return rows.map(([source, id]) => ({ source, id }))
}

const selectIds: Statement = {
  name: 'select-inbox-ids',
  text: (schema) => `
select event_id from ${schema}.inbox where consumer = $1 and source = $2 and event_id = any($3::text[])`,
}

/** Which of some events of a source were handled. */
export async function selectInboxIds(
  database: Database,
  consumer: string,
  { source, ids }: { readonly source: string; readonly ids: readonly string[] },
): Promise<string[]> {
  return (await run<[string]>(database, selectIds, [consumer, source, ids])).map(([id]) => id)
}

const prune: Statement = {
  name: 'prune-inbox',
  text: (schema) => `
delete from ${schema}.inbox
 where ctid = any(array(
         select ctid from ${schema}.inbox
          where consumer = $1 and handled_at < now() - $2 * interval '1 millisecond'
          limit $3
            for update skip locked))
returning 1`,
}

/** Deletes rows of a consumer that are older than `keepMs`, at most `limit`; returns how many. */
export async function pruneInboxRows(
  database: Database,
  consumer: string,
  keepMs: number,
  limit: number,
): Promise<number> {
  return (await run(database, prune, [consumer, keepMs, limit])).length
}

/** How far a stream is handled. */
export interface StreamProgress {
  readonly source: string
  readonly streamId: string
  readonly version: bigint
}

const select: Statement = {
  name: 'select-inbox-streams',
  text: (schema) => `
select known.source, known.stream_id, known.version::text
  from ${schema}.inbox_streams known
  join unnest($2::text[], $3::text[]) as asked (source, stream_id) using (source, stream_id)
 where known.consumer = $1
 order by known.source, known.stream_id
   for update of known`,
}

/** How far streams are handled, those that are known; their rows are locked, in a fixed order. */
export async function selectInboxStreams(
  database: Database,
  consumer: string,
  streams: readonly Omit<StreamProgress, 'version'>[],
): Promise<StreamProgress[]> {
  const values = [consumer, streams.map(({ source }) => source), streams.map(({ streamId }) => streamId)]
  const rows = await run<[string, string, string]>(database, select, values)
  return rows.map(([source, streamId, version]) => ({ source, streamId, version: BigInt(version) }))
}

const advance: Statement = {
  name: 'advance-inbox-streams',
  text: (schema) => `
insert into ${schema}.inbox_streams as known (consumer, source, stream_id, version)
select $1, source, stream_id, version
  from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) as moved (source, stream_id, before, version)
 order by source, stream_id
    on conflict (consumer, source, stream_id) do update
   set version = excluded.version, handled_at = clock_timestamp()
 where known.version = (select before
                          from unnest($2::text[], $3::text[], $4::bigint[]) as moved (source, stream_id, before)
                         where moved.source = known.source and moved.stream_id = known.stream_id)
returning 1`,
}

/** A stream's step from one version to another. */
export interface StreamStep extends StreamProgress {
  /** Where it was when it was read; 0 for one that was not known. */
  readonly before: bigint
}

/** Moves streams on; returns how many still were where they were read. */
export async function advanceInboxStreams(
  database: Database,
  consumer: string,
  steps: readonly StreamStep[],
): Promise<number> {
  const rows = await run(database, advance, [
    consumer,
    steps.map(({ source }) => source),
    steps.map(({ streamId }) => streamId),
    steps.map(({ before }) => String(before)),
    steps.map(({ version }) => String(version)),
  ])
  return rows.length
}

const forget: Statement = {
  name: 'forget-inbox',
  text: (schema) => `
with streams as (delete from ${schema}.inbox_streams where consumer = $1 returning 1),
     events as (delete from ${schema}.inbox where consumer = $1 returning 1)
select ((select count(*) from streams) + (select count(*) from events))::text`,
}

/** Deletes all that is known of a consumer; returns how many rows. */
export async function forgetInboxRows(database: Database, consumer: string): Promise<number> {
  const [row] = await run<[string]>(database, forget, [consumer])
  return Number(row?.[0] ?? 0)
}
