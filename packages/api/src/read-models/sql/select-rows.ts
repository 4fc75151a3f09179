import { run, type Database } from '@tidemark/eventstore'
import { parseRow, type ReadModel, type Row, type RowKey } from '@tidemark/projections'
import { quotedColumn, selectedColumns } from './selected-columns.js'

/** Reads the rows of some keys, whole; keys without a row are left out. */
export async function selectRows(
  database: Database,
  { view, key, columns }: ReadModel,
  keys: readonly RowKey[],
): Promise<Row[]> {
  if (keys.length === 0) return []
  const text = `
select ${selectedColumns(columns).join(', ')}
  from ${view} as r
 where ${quotedColumn(key)} = any($1::${key.type}[])`
  const rows = await run<(string | null)[]>(database, { name: 'select-rows', text: () => text }, [keys])
  return rows.map((row) => parseRow(columns, row))
}
