import { run, type Database } from '@tidemark/eventstore'
import { parseRow, type Column, type ReadModel, type Row } from '@tidemark/projections'
import { quotedColumn, selectedColumns } from './selected-columns.js'

/** Reads one row of a read model by its key, as Postgres reads it; undefined when there is none. */
export async function selectRow(
  database: Database,
  { view, key }: ReadModel,
  fields: readonly Column[],
  keyText: string,
): Promise<Row | undefined> {
  const text = `
select ${selectedColumns(fields).join(', ')}
  from ${view} as r
 where ${quotedColumn(key)} = $1::${key.type}`
  const [row] = await run<(string | null)[]>(database, { name: 'select-row', text: () => text }, [keyText])
  return row && parseRow(fields, row)
}
