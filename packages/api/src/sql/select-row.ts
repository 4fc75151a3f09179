import { run, type Database } from '@tidemark/eventstore'
import type { Column, ReadModel } from '@tidemark/projections'
import { quotedColumn, rowJson, selectedColumn, type RowJson } from './row-values.js'

/** Reads one row of a read model by its key, as Postgres reads it; undefined when there is none. */
export async function selectRow(
  database: Database,
  { view, key }: ReadModel,
  fields: readonly Column[],
  keyText: string,
): Promise<RowJson | undefined> {
  const text = `
select ${fields.map(selectedColumn).join(', ')}
  from ${view}
 where ${quotedColumn(key)} = $1::${key.type}`
  const [row] = await run<(string | null)[]>(database, { name: 'select-row', text: () => text }, [keyText])
  return row && rowJson(fields, row)
}
