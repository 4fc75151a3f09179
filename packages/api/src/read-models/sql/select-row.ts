import { createHash } from 'node:crypto'
import { run, type Database, type Statement } from '@tidemark/eventstore'
import { parseRow, type Column, type ReadModel, type Row } from '@tidemark/projections'
import { quotedColumn, selectedColumns } from './selected-columns.js'

const wholeRows = new WeakMap<ReadModel, Statement>()

/**
 * Reads one row of a read model by its key, as Postgres reads it; undefined when there is none.
 *
 * The statement for whole rows is one per read model, and so it can be prepared; those for some of the fields never are.
 */
export async function selectRow(
  database: Database,
  model: ReadModel,
  fields: readonly Column[],
  keyText: string,
): Promise<Row | undefined> {
  const [row] =
    fields === model.columns
      ? await run<(string | null)[]>(database, wholeRowOf(model), [keyText])
      : await run<(string | null)[]>({ ...database, prepare: false }, statementFor(model, fields), [keyText])
  return row && parseRow(fields, row)
}

function wholeRowOf(model: ReadModel): Statement {
  let statement = wholeRows.get(model)
  if (!statement) wholeRows.set(model, (statement = statementFor(model, model.columns)))
  return statement
}

function statementFor({ view, key }: ReadModel, fields: readonly Column[]): Statement {
  const text = `
select ${selectedColumns(fields).join(', ')}
  from ${view} as r
 where ${quotedColumn(key)} = $1::${key.type}`
  // Another version of the read model may be read by the same connection.
  const name = `row-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
  return { name, text: () => text }
}
