import { run, type Database, type Statement } from '@tidemark/eventstore'
import { readSchemaOf } from '../names.js'

const statement: Statement = {
  name: 'select-table-columns',
  text: () => `
select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1 and c.relname = $2 and a.attnum > 0 and not a.attisdropped
 order by a.attnum`,
}

export interface TableColumn {
  readonly column: string
  readonly type: string
  readonly nullable: boolean
}

/** The columns that a table of the read models has, in its order; none where there is no such table. */
export async function selectTableColumns(database: Database, table: string): Promise<TableColumn[]> {
  const rows = await run<[string, string, string]>(database, statement, [readSchemaOf(database.schema), table])
  return rows.map(([column, type, notNull]) => ({
    column,
    // Postgres spells two of the types out.
    type: type === 'timestamp with time zone' ? 'timestamptz' : type,
    nullable: notNull !== 't',
  }))
}
