import { run, type Database } from '@tidemark/eventstore'
import type { RowKey } from '../define-projection.js'
import { inReadSchema, quoted } from '../names.js'
import { parseValue } from '../row.js'
import type { TableShape } from './table-statements.js'

/** A table of up to so many pages, 80 MB, is read whole; of a larger one at least a tenth of that, since the rows of a page are not by chance. */
const pagesAtOnce = 10_000
/** Rows of the chosen pages, for each one that is wanted. */
const oversampling = 4

/** The keys of rows chosen by chance; all of them where the table has no more. */
export async function selectRowSample(
  database: Database,
  { table, key }: TableShape,
  count: number,
): Promise<RowKey[]> {
  const unnamed = { ...database, prepare: false }
  const name = inReadSchema(database.schema, table)
  const size = {
    name: 'unnamed',
    text: () => `select greatest(reltuples, 1), pg_relation_size(oid) / 8192 from pg_class where oid = $1::regclass`,
  }
  const [row] = await run<[string, string]>(unnamed, size, [name])
  const [rows, pages] = [Number(row?.[0] ?? 1), Number(row?.[1] ?? 0)]
  const part = Math.max((count * oversampling) / rows, pagesAtOnce / 10 / pages)
  const percent = pages <= pagesAtOnce ? 100 : Math.min(100, 100 * part)
  const sample = {
    name: 'unnamed',
    text: () => `select ${quoted(key.column)} from ${name} tablesample system ($1) order by random() limit $2`,
  }
  const sampled = await run<[string]>(unnamed, sample, [percent, count])
  return sampled.map(([text]) => parseValue(key, text) as RowKey)
}
