import { run, type Database, type Statement } from '@tidemark/eventstore'
import { checkpointNameOf } from '../names.js'

/** A table of a read model, as it is registered. */
export interface RegisteredTable {
  readonly name: string
  readonly version: number
  /** Without its schema. */
  readonly table: string
  readonly status: 'building' | 'live' | 'previous'
  /** Up to where a build goes before it is switched in. */
  readonly target: bigint | undefined
  /** Its checkpoint; undefined where that is missing. */
  readonly position: bigint | undefined
}

const selectTablesStatement: Statement = {
  name: 'select-projection-tables',
  text: (schema) => `
select p.name, p.version, p.table_name, p.status, p.target, c.position
  from ${schema}.projections p
  left join ${schema}.checkpoints c on c.name = 'projection:' || p.table_name
 where p.name = any($1)
 order by p.name, p.created_at`,
}

type TableRow = [string, string, string, RegisteredTable['status'], string | null, string | null]

/** The registered tables of some projections. */
export async function selectTables(database: Database, names: readonly string[]): Promise<RegisteredTable[]> {
  const rows = await run<TableRow>(database, selectTablesStatement, [names])
  return rows.map(([name, version, table, status, target, position]) => ({
    name,
    version: Number(version),
    table,
    status,
    target: target === null ? undefined : BigInt(target),
    position: position === null ? undefined : BigInt(position),
  }))
}

const insertTableStatement: Statement = {
  name: 'insert-projection-table',
  text: (schema) => `
with checkpoint as (
  insert into ${schema}.checkpoints as c (name) values ($6)
  on conflict (name) do update
     set position = 0, event_id = null, epoch = null, owner = null, owner_epoch = c.owner_epoch + 1, lease_until = null,
         error = null, updated_at = clock_timestamp()
)
insert into ${schema}.projections (name, version, table_name, status, target) values ($1, $2, $3, $4, $5)`,
}

/** Registers a table that was just made, its checkpoint at the beginning. */
export async function insertTable(
  database: Database,
  { name, version, table, status, target }: Omit<RegisteredTable, 'position'>,
): Promise<void> {
  const values = [name, version, table, status, target ?? null, checkpointNameOf(table)]
  await run(database, insertTableStatement, values)
}

const updateStatusStatement: Statement = {
  name: 'update-projection-table-status',
  text: (schema) => `
update ${schema}.projections set status = $2, updated_at = clock_timestamp() where table_name = $1`,
}

export async function updateTableStatus(
  database: Database,
  table: string,
  status: RegisteredTable['status'],
): Promise<void> {
  await run(database, updateStatusStatement, [table, status])
}

const deleteTableStatement: Statement = {
  name: 'delete-projection-table',
  text: (schema) => `
with checkpoint as (delete from ${schema}.checkpoints where name = $2)
delete from ${schema}.projections where table_name = $1`,
}

/** Forgets a table and its checkpoint; dropping the table is the caller's part, in the same transaction. */
export async function deleteTable(database: Database, table: string): Promise<void> {
  await run(database, deleteTableStatement, [table, checkpointNameOf(table)])
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
