import { run, type Database, type Statement } from '@tidemark/eventstore'

/** Where the live table of a read model is. */
export interface LivePlace {
  readonly name: string
  readonly version: number
  /** Without its schema. */
  readonly table: string
  /**
   * Another text after another table was switched in, and after rows were written again in place: when parked events were retried, or rows healed. What
   * was read under one revision changes only as events say for as long as the revision stays.
   */
  readonly revision: string
  /** Where all of its shards have come; says nothing where appends keep it, or a consumer group feeds it. */
  readonly position: bigint
  readonly inline: boolean
  readonly fedBy: string | undefined
}

const statement: Statement = {
  name: 'select-live-places',
  text: (schema) => `
select p.name, p.version, p.table_name, extract(epoch from p.updated_at), min(c.position), p.inline, p.fed_by
  from ${schema}.projections p
  join ${schema}.checkpoints c on c.name in (select ${schema}.shard_checkpoints(p.table_name, p.shards))
 where p.status = 'live' and p.name = any($1)
 group by p.name, p.version, p.table_name, p.updated_at, p.inline, p.fed_by`,
}

/** Finds the live tables of read models; those that have none are left out. */
export async function selectLivePlaces(database: Database, names: readonly string[]): Promise<LivePlace[]> {
  const rows = await run<[string, string, string, string, string, string, string | null]>(database, statement, [names])
  return rows.map(([name, version, table, updatedAt, position, inline, fedBy]) => ({
    ...{ name, table, inline: inline === 't', fedBy: fedBy ?? undefined },
    version: Number(version),
    revision: `${table}/${updatedAt}`,
    position: BigInt(position),
  }))
}

const rewrittenStatement: Statement = {
  name: 'note-rewritten-rows',
  text: (schema) => `
update ${schema}.projections set updated_at = clock_timestamp() where table_name = $1 and status = 'live'`,
}

/** Gives a live table another revision, in the transaction that writes rows of it otherwise than by the events after its checkpoint. */
export async function noteRewritten(database: Database, table: string): Promise<void> {
  await run(database, rewrittenStatement, [table])
}
