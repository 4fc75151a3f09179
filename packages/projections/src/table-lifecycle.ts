import { hasTenancy, run, type Database } from '@tidemark/eventstore'
import { keyColumnOf, queriedColumnsOf, type Projection } from './define-projection.js'
import { ProjectionDefinitionError, SchemaChangedError, VersionNotLiveError } from './errors.js'
import { tableNameOf, viewNameOf } from './names.js'
import * as ddl from './sql/read-model-ddl.js'
import {
  deleteTable,
  insertTable,
  lockProjection,
  nextBuild,
  selectTables,
  type RegisteredTable,
} from './sql/registry-statements.js'
import { deleteParkedOf } from './sql/parked-statements.js'
import { selectTableColumns } from './sql/select-table-columns.js'
import type { TableShape } from './sql/table-statements.js'

/** Runs a text that is made for one object, such as DDL. */
export async function execute(database: Database, text: string): Promise<void> {
  await run({ ...database, prepare: false }, { name: 'unnamed', text: () => text }, [])
}

/**
 * Finds the live table of a projection, or makes the first one, in the caller's transaction.
 *
 * @throws {SchemaChangedError} the table has other columns than the definition.
 * @throws {VersionNotLiveError} another version is live.
 */
export async function ensureLiveTable(database: Database, projection: Projection): Promise<RegisteredTable> {
  const { name, version } = projection
  await lockProjection(database, name)
  const tables = await selectTables(database, [name])
  const live = tables.find(({ status }) => status === 'live')
  if (!live) {
    const options = { status: 'live', shards: projection.shards } as const
    const table = await createTable(database, projection, options)
    await createIndexes(database, projection, table.table)
    await switchView(database, table, undefined)
    return table
  }
  if (live.version !== version) throw new VersionNotLiveError(name, version, live.version)
  await checkTable(database, projection, live)
  await createIndexes(database, projection, live.table)
  return live
}

/** Rows of two tenants may have the same key; asked in the database of the log. */
export async function refuseTenants(database: Database, { name }: Projection): Promise<void> {
  if (!(await hasTenancy(database))) return
  throw new ProjectionDefinitionError(
    name,
    'streams of this store belong to tenants, whom a read model does not keep apart yet: use defineHandler, whose events say whose they are',
  )
}

/** Makes a table under a name that none had before, without further indexes, and registers it with its checkpoints at the beginning; all or nothing with the transaction. */
export async function createTable(
  database: Database,
  projection: Projection,
  options: {
    readonly status: 'live' | 'building'
    readonly shards: number
    readonly target?: bigint
    readonly from?: bigint | undefined
  },
): Promise<RegisteredTable> {
  const { name, version } = projection
  const table = tableNameOf(projection, await nextBuild(database, name))
  const registered = { name, version, table, target: undefined, from: undefined, ...options }
  await execute(database, ddl.createTableText(database.schema, shapeFor(projection, table)))
  await insertTable(database, registered)
  return { ...registered, position: 0n, furthest: 0n, inline: false, fedBy: undefined }
}

/** Drops a table that is not live any more, or was never. */
export async function dropTable(database: Database, table: string): Promise<void> {
  // The checkpoints first, as a batch that follows the table takes them first: the other order deadlocks with it.
  await deleteTable(database, table)
  await execute(database, ddl.dropTableText(database.schema, table))
  await deleteParkedOf(database, table)
}

/**
 * Makes sure that a registered table is what the definition says.
 *
 * @throws {SchemaChangedError} it has other columns, or lost its checkpoint.
 */
export async function checkTable(database: Database, projection: Projection, found: RegisteredTable): Promise<void> {
  const actual = new Map((await selectTableColumns(database, found.table)).map((column) => [column.column, column]))
  const differences: string[] = []
  if (found.position === undefined) differences.push('its checkpoint is missing')
  for (const { column, type, nullable } of projection.columns) {
    const is = actual.get(column)
    const text = (of: { type: string; nullable: boolean }) => `${of.type}${of.nullable ? '' : ' not null'}`
    if (!is) differences.push(`column ${column} is missing`)
    else if (text(is) !== text({ type, nullable }))
      differences.push(`column ${column} is ${text(is)}, wanted ${text({ type, nullable })}`)
    actual.delete(column)
  }
  for (const column of actual.keys()) differences.push(`column ${column} is not in the schema`)
  if (differences.length > 0) {
    const { name, version } = projection
    throw new SchemaChangedError(name, version, found.table, differences)
  }
}

/**
 * Points the stable view at a table, whatever version it has. Readers that come meanwhile wait for the transaction's end, at most its
 * lock_timeout and commit.
 */
export async function switchView(
  database: Database,
  { name, table, version }: Pick<RegisteredTable, 'name' | 'table' | 'version'>,
  versionBefore: number | undefined,
): Promise<void> {
  const { schema } = database
  const view = viewNameOf(name)
  const columns = (await selectTableColumns(database, table)).map(({ column }) => column)
  if (versionBefore !== version) await execute(database, ddl.dropViewText(schema, view))
  await execute(database, ddl.createViewText(schema, view, { table, columns }, versionBefore === version))
  await execute(database, ddl.grantViewText(schema, view))
}

/** The shape of a projection's table. */
export function shapeFor(projection: Projection, table: string): TableShape {
  return { table, columns: projection.columns, key: keyColumnOf(projection) }
}

/** Makes the indexes that queries need, where they are missing. */
export async function createIndexes(database: Database, projection: Projection, table: string): Promise<void> {
  const shape = shapeFor(projection, table)
  for (const column of queriedColumnsOf(projection)) {
    if (column !== shape.key) await execute(database, ddl.createIndexText(database.schema, shape, column))
  }
}
