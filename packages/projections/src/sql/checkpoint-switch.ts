import { run, type CheckpointPlace, type Database, type Statement } from '@tidemark/eventstore'
import { shardsOf } from '../names.js'

const lockStatement: Statement = {
  name: 'lock-checkpoints',
  text: (schema) => `
select name, position from ${schema}.checkpoints where name = any($1) order by name for update`,
}

/** Locks checkpoints, so that nobody moves them until the transaction ends; always in the order of their names. */
export async function lockCheckpoints(database: Database, names: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await run<[string, string]>(database, lockStatement, [names])
  return new Map(rows.map(([name, position]) => [name, BigInt(position)]))
}

const reshardStatement: Statement = {
  name: 'reshard-checkpoints',
  text: (schema) => `
with gone as (
  delete from ${schema}.checkpoints where name = any($2) and name <> all($3)
), made as (
  insert into ${schema}.checkpoints as c (name, position, event_id, epoch, owner_epoch)
  select unnest($3::text[]), $5, $6, $7, floor(random() * 1e12)
  on conflict (name) do update
     set position = excluded.position, event_id = excluded.event_id, epoch = excluded.epoch,
         owner = null, owner_epoch = c.owner_epoch + 1, lease_until = null
)
update ${schema}.projections set shards = $4, updated_at = clock_timestamp() where table_name = $1`,
}

/** Gives a table another number of checkpoints, all at the place where the locked ones are. */
export async function reshard(
  database: Database,
  { table, shards }: { readonly table: string; readonly shards: number },
  count: number,
  { position, eventId, epoch }: CheckpointPlace,
): Promise<void> {
  if (shards === count) return
  const [before, after] = [shards, count].map((n) => shardsOf(table, n).map(({ checkpoint }) => checkpoint))
  await run(database, reshardStatement, [table, before, after, count, position, eventId ?? null, epoch ?? null])
}
