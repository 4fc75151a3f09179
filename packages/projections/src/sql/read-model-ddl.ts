import { createHash } from 'node:crypto'
import type { Column } from '../columns.js'
import { inReadSchema, quoted } from '../names.js'
import type { TableShape } from './table-statements.js'

/** Texts are compared by their bytes: the order of pages then never depends on a locale or its version. */
const columnText = ({ column, type, nullable }: Column) =>
  `${quoted(column)} ${type}${type === 'text' ? ' collate "C"' : ''}${nullable ? '' : ' not null'}`

/** The table of a read model. */
export function createTableText(schema: string, { table, columns, key }: TableShape): string {
  const parts = [...columns.map(columnText), `primary key (${quoted(key.column)})`]
  return `create table ${inReadSchema(schema, table)} (${parts.join(', ')})`
}

/** An index for a column that queries filter or sort by, with the key that makes its order total. */
export function createIndexText(schema: string, { table, key }: TableShape, { column }: Column): string {
  const columns = column === key.column ? [column] : [column, key.column]
  const name = quoted(indexName(table, column))
  return `create index if not exists ${name} on ${inReadSchema(schema, table)} (${columns.map(quoted).join(', ')})`
}

function indexName(table: string, column: string): string {
  const name = `${table}_${column}_idx`
  if (name.length <= 63) return name
  return `${name.slice(0, 54)}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`
}

/** The stable view; `or replace` keeps its rights and what others built on it, but not when columns changed. */
export function createViewText(
  schema: string,
  view: string,
  { table, columns }: { readonly table: string; readonly columns: readonly string[] },
  replace: boolean,
): string {
  const names = columns.map(quoted).join(', ')
  return `create ${replace ? 'or replace ' : ''}view ${inReadSchema(schema, view)} as select ${names} from ${inReadSchema(schema, table)}`
}

export function dropViewText(schema: string, view: string): string {
  return `drop view if exists ${inReadSchema(schema, view)}`
}

export function dropTableText(schema: string, table: string): string {
  return `drop table if exists ${inReadSchema(schema, table)}`
}

/** Lets the readers' role read the view, where that role exists; a role name is a plain identifier like the schema. */
export function grantViewText(schema: string, view: string): string {
  const role = `${schema}_reader`
  return `do $$ begin
  if exists (select from pg_roles where rolname = '${role}') then
    grant select on ${inReadSchema(schema, view)} to ${role};
  end if;
end $$`
}
