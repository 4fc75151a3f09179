import type { Column } from '@tidemark/projections'

/** A row for an answer: property by property, as JSON writes it. */
export type RowJson = Record<string, unknown>

/** An identifier from a definition, quoted; names of columns are letters, digits and _, so nothing in them ends the quote. */
export function quotedColumn({ column }: Column): string {
  return `"${column}"`
}

/** What is selected for a column: dates are written in Postgres, so that no setting of a session changes their text. */
export function selectedColumn(column: Column): string {
  const name = quotedColumn(column)
  return column.kind === 'date' ? `to_char(${name} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')` : name
}

/** Makes the row of an answer from the texts that Postgres sent; a property whose schema has no null is left out where it has none. */
export function rowJson(columns: readonly Column[], texts: readonly (string | null)[]): RowJson {
  const row: RowJson = {}
  columns.forEach((column, index) => {
    const text = texts[index] ?? null
    if (text !== null) row[column.property] = valueJson(column, text)
    else if (column.whenNull === 'null') row[column.property] = null
  })
  return row
}

function valueJson({ kind }: Column, text: string): unknown {
  switch (kind) {
    case 'number':
    case 'int':
      return Number(text)
    case 'boolean':
      return text === 't'
    case 'json':
      return JSON.parse(text) as unknown
    case 'string':
    case 'bigint':
    case 'date':
      return text
  }
}
