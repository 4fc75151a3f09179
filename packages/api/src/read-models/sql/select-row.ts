import { run, type Database, type Statement } from '@tidemark/eventstore'
import { streamVersionExpression, type Column, type RowText } from '@tidemark/projections'
import type { ServedModel } from '../served-model.js'
import { statementOf } from './kept-statements.js'
import { quotedColumn, selectedColumns } from './selected-columns.js'

const wholeRows = new WeakMap<ServedModel, Map<boolean, Statement>>()

export interface SelectRowOptions {
  readonly fields: readonly Column[]
  /** As Postgres reads it. */
  readonly key: string
  /** Whether to say which version its stream has in it, for a model that has a `category`. */
  readonly versioned: boolean
}

/** A row, and the version of its stream where it was asked for and is known. */
export interface FoundRow {
  /** The texts of its fields. */
  readonly row: RowText
  readonly version: string | undefined
}

/**
 * Reads one row of a read model by its key; undefined when there is none.
 *
 * The statement for whole rows is one per read model, and so it can be prepared; those for some of the fields never are.
 */
export async function selectRow(
  database: Database,
  model: ServedModel,
  { fields, key, versioned }: SelectRowOptions,
): Promise<FoundRow | undefined> {
  const [found] =
    fields === model.columns
      ? await run<(string | null)[]>(database, wholeRowOf(model, database.schema, versioned), [key])
      : await run<(string | null)[]>(
          { ...database, prepare: false },
          statementFor(model, fields, database.schema, versioned),
          [key],
        )
  return found && { row: found, version: found[fields.length] ?? undefined }
}

function wholeRowOf(model: ServedModel, schema: string, versioned: boolean): Statement {
  let statements = wholeRows.get(model)
  if (!statements) wholeRows.set(model, (statements = new Map<boolean, Statement>()))
  let statement = statements.get(versioned)
  if (!statement) statements.set(versioned, (statement = statementFor(model, model.columns, schema, versioned)))
  return statement
}

function statementFor(model: ServedModel, fields: readonly Column[], schema: string, versioned: boolean): Statement {
  const { name, view, key, category } = model
  const selected = selectedColumns(fields)
  // Names of categories and projections are letters, digits and - by definition, so nothing ends the quote.
  if (versioned && category !== undefined)
    selected.push(
      streamVersionExpression(schema, { streamId: `('${category}-' || $1::text)`, projection: `'${name}'` }),
    )
  const text = `
select ${selected.join(', ')}
  from ${view} as r
 where ${quotedColumn(key)} = $1::${key.type}`
  return statementOf(text)
}
