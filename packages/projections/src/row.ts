import type { Column } from './columns.js'

/** A row of a read model, as its schema gives it. */
export type Row = Readonly<Record<string, unknown>>

/** A row as Postgres sends it: the text of each column, in the order of the columns. */
export type RowText = readonly (string | null)[]

/** What to select so that {@link parseValue} understands it: dates as milliseconds since 1970, which no time zone touches. */
export function selectExpression({ kind }: Column, quotedColumn: string): string {
  return kind === 'date' ? `(extract(epoch from ${quotedColumn}) * 1000)::bigint` : quotedColumn
}

/** A column's value in TypeScript, from the text of its {@link selectExpression}. */
export function parseValue({ kind }: Pick<Column, 'kind'>, text: string): unknown {
  switch (kind) {
    case 'string':
      return text
    case 'number':
    case 'int':
      return Number(text)
    case 'bigint':
      return BigInt(text)
    case 'boolean':
      return text === 't' || text === 'true'
    case 'date':
      return new Date(Number(text))
    case 'json':
      return JSON.parse(text) as unknown
  }
}

/** A row from the texts of its columns. */
export function parseRow(columns: readonly Column[], texts: RowText): Row {
  const row: Record<string, unknown> = {}
  for (const [index, column] of columns.entries()) {
    const text = texts[index] ?? null
    if (text !== null) row[column.property] = parseValue(column, text)
    else if (column.whenNull === 'null') row[column.property] = null
  }
  return Object.freeze(row)
}

/** Rows as the JSON that the statement of `writeRows` takes apart: an object per row, by column. */
export function rowsToJson(columns: readonly Column[], rows: Iterable<Row>): string {
  const records: Record<string, unknown>[] = []
  for (const row of rows) {
    const record: Record<string, unknown> = {}
    for (const { property, column } of columns) {
      const value = row[property]
      record[column] = typeof value === 'bigint' ? String(value) : value
    }
    records.push(record)
  }
  return JSON.stringify(records)
}

const copyEscapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A row as a line of COPY's text format; Postgres makes the same values of it as of {@link rowsToJson}. */
export function rowToCopyText(columns: readonly Column[], row: Row): string {
  return `${columns.map(({ property, kind }) => copyText(kind, row[property])).join('\t')}\n`
}

function copyText(kind: Column['kind'], value: unknown): string {
  if (value === null || value === undefined) return '\\N'
  if (value instanceof Date) return value.toISOString()
  const scalar = value as string | number | bigint | boolean
  const text = kind === 'json' ? JSON.stringify(value) : String(scalar)
  return /[\\\n\r\t]/.test(text)
    ? text.replaceAll(/[\\\n\r\t]/g, (character) => copyEscapes[character] ?? character)
    : text
}
