import type { Column, ColumnKind, RowText } from '@tidemark/projections'

/** Writes a row as JSON, from the texts of its columns as Postgres sends them. */
export type RowWriter = (texts: RowText) => string

/** Text that stands in JSON as it is. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** A value of each kind as JSON, as `JSON.stringify` writes it, but without a call of it where there is nothing to think about. */
const writers: Readonly<Record<ColumnKind, (text: string) => string>> = {
  string: (text) => (plain.test(text) ? `"${text}"` : JSON.stringify(text)),
  number: (text) => JSON.stringify(Number(text)),
  int: (text) => text,
  bigint: (text) => `"${text}"`,
  boolean: (text) => (text === 't' ? 'true' : 'false'),
  date: (text) => {
    const date = new Date(Number(text))
    return Number.isNaN(date.getTime()) ? 'null' : `"${date.toISOString()}"`
  },
  json: (text) => JSON.stringify(JSON.parse(text)),
}

/**
 * What writes rows of some columns, in this order; the texts are those of `selectedColumns`.
 *
 * It writes to the byte what `JSON.stringify` does of the row of `parseRow`, which takes longer.
 */
export function rowWriter(columns: readonly Column[]): RowWriter {
  const members = columns.map(({ property, kind, whenNull }) => ({
    name: `${JSON.stringify(property)}:`,
    write: writers[kind],
    ifNull: whenNull === 'null' ? 'null' : undefined,
  }))
  return (texts) => {
    let json = ''
    let index = 0
    for (const { name, write, ifNull } of members) {
      const text = texts[index++] ?? undefined
      const value = text === undefined ? ifNull : write(text)
      if (value !== undefined) json += (json === '' ? '' : ',') + name + value
    }
    return `{${json}}`
  }
}
