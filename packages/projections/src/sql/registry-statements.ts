import { run, type Database, type Statement } from '@tidemark/eventstore'
import { shardsOf } from '../names.js'

/** A table of a read model, as it is registered. */
export interface RegisteredTable {
  readonly name: string
  readonly version: number
  /** Without its schema. */
  readonly table: string
  readonly status: TableStatus
  /** How many checkpoints share its events. */
  readonly shards: number
  /** Up to where a build goes before it is built. */
  readonly target: bigint | undefined
  /** From where on touched rows are folded again, for a build that began with the rows of the live table. */
  readonly from: bigint | undefined
  /** Whether appends keep it up to date, and no projector. */
  readonly inline: boolean
  /** The consumer group that feeds it, and no projector; undefined for any other. */
  readonly fedBy: string | undefined
  /** Where all of its shards have come; undefined where a checkpoint is missing. */
  readonly position: bigint | undefined
  /** Where the furthest of its shards has come. */
  readonly furthest: bigint | undefined
}

/** `built` waits to be promoted and follows the log, `previous` was live before and follows it too. */
export type TableStatus = 'building' | 'built' | 'live' | 'previous'

const selectTablesStatement: Statement = {
  name: 'select-projection-tables',
  text: (schema) => `
select p.name, p.version, p.table_name, p.status, p.shards, p.target, p.rebuild_from,
       case when c.found = p.shards then c.position end, case when c.found = p.shards then c.furthest end, p.inline, p.fed_by
  from ${schema}.projections p
 cross join lateral (
   select count(*) as found, min(position) as position, max(position) as furthest
     from ${schema}.checkpoints where name in (select ${schema}.shard_checkpoints(p.table_name, p.shards))
 ) c
 where p.name = any($1)
 order by p.name, p.updated_at`,
}

type TableRow = [
  ...[name: string, version: string, table: string, status: TableStatus, shards: string],
  ...[
    target: string | null,
    from: string | null,
    position: string | null,
    furthest: string | null,
    inline: string,
    fedBy: string | null,
  ],
]

const toPosition = (text: string | null) => (text === null ? undefined : BigInt(text))

/** The registered tables of some projections, those that changed last at the end. */
export async function selectTables(database: Database, names: readonly string[]): Promise<RegisteredTable[]> {
  const rows = await run<TableRow>(database, selectTablesStatement, [names])
  return rows.map(([name, version, table, status, shards, target, from, position, furthest, inline, fedBy]) => ({
    name,
    version: Number(version),
    table,
    status,
    shards: Number(shards),
    target: toPosition(target),
    from: toPosition(from),
    position: toPosition(position),
    furthest: toPosition(furthest),
    inline: inline === 't',
    fedBy: fedBy ?? undefined,
  }))
}

const nextBuildStatement: Statement = {
  name: 'next-projection-build',
  text: (schema) => `
insert into ${schema}.projection_builds as b (name, last_build) values ($1, 1)
on conflict (name) do update set last_build = b.last_build + 1
returning last_build`,
}

/** The number of a projection's next table: one that no table of it has or ever had. */
export async function nextBuild(database: Database, name: string): Promise<number> {
  const [row] = await run<[string]>(database, nextBuildStatement, [name])
  return Number(row?.[0])
}

const insertTableStatement: Statement = {
  name: 'insert-projection-table',
  text: (schema) => `
with checkpoint as (
  insert into ${schema}.checkpoints (name) select unnest($7::text[])
)
insert into ${schema}.projections (name, version, table_name, status, target, shards, rebuild_from) values ($1, $2, $3, $4, $5, $6, $8)`,
}

/** Registers a table that was just made, its checkpoints at the beginning. */
export async function insertTable(
  database: Database,
  {
    name,
    version,
    table,
    status,
    target,
    shards,
    from,
  }: Omit<RegisteredTable, 'position' | 'furthest' | 'inline' | 'fedBy'>,
): Promise<void> {
  const checkpoints = shardsOf(table, shards).map(({ checkpoint }) => checkpoint)
  const values = [name, version, table, status, target ?? null, shards, checkpoints, from ?? null]
  await run(database, insertTableStatement, values)
}

const updateStatusStatement: Statement = {
  name: 'update-projection-table-status',
  text: (schema) => `
update ${schema}.projections set status = $2, inline = inline and $2 = 'live', updated_at = clock_timestamp() where table_name = $1`,
}

export async function updateTableStatus(database: Database, table: string, status: TableStatus): Promise<void> {
  await run(database, updateStatusStatement, [table, status])
}

const deleteTableStatement: Statement = {
  name: 'delete-projection-table',
  text: (schema) => `
with gone as (delete from ${schema}.projections where table_name = $1 returning table_name, shards)
delete from ${schema}.checkpoints c using gone where c.name in (select ${schema}.shard_checkpoints(gone.table_name, gone.shards))`,
}

/** Forgets a table and its checkpoints; dropping the table is the caller's part, in the same transaction. */
export async function deleteTable(database: Database, table: string): Promise<void> {
  await run(database, deleteTableStatement, [table])
}

const lockProjectionStatement: Statement = {
  name: 'lock-projection',
  text: (schema) => `
select set_config('idle_in_transaction_session_timeout', '5000', true),
       pg_advisory_xact_lock(hashtextextended('${schema} projection ' || $1, 0))`,
}

/**
 * Lets one transaction at a time change what is registered of a projection; one whose process is paused in it is ended by Postgres.
 */
export async function lockProjection(database: Database, name: string): Promise<void> {
  await run(database, lockProjectionStatement, [name])
}
