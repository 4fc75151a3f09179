import { run, type Database } from '@tidemark/eventstore'
import type { Column } from '../columns.js'
import type { RowKey } from '../define-projection.js'
import { inReadSchema, quoted } from '../names.js'
import { parseValue } from '../row.js'
import type { TableShape } from './table-statements.js'

/** At or below every key of a column. */
export function lowestKey({ type }: Column): string {
  if (type === 'text') return ''
  return type === 'bigint' ? '-9223372036854775808' : '-Infinity'
}

/** The keys of a table after a given one, in the order of the column; from the beginning without one. */
export async function selectRowKeys(
  database: Database,
  { table, key }: TableShape,
  { after, limit }: { readonly after: RowKey | undefined; readonly limit: number },
): Promise<RowKey[]> {
  const column = quoted(key.column)
  const statement = {
    name: 'unnamed',
    text: (schema: string) => `
select ${column} from ${inReadSchema(schema, table)}
 where ${column} ${after === undefined ? '>=' : '>'} $1 order by ${column} limit $2`,
  }
  const rows = await run<[string]>({ ...database, prepare: false }, statement, [after ?? lowestKey(key), limit])
  return rows.map(([text]) => parseValue(key, text) as RowKey)
}
