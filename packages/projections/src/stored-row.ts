import { isDeepStrictEqual } from 'node:util'
import type { Column } from './columns.js'
import type { Row } from './row.js'

/** A row as it would come back from the table: what JSON does not hold is gone, and there is one zero. */
export function asStored(columns: readonly Column[], row: Row): Row {
  const stored: Record<string, unknown> = {}
  for (const column of columns) {
    const value = storedValue(column, row[column.property])
    if (value !== null) stored[column.property] = value
    else if (column.whenNull === 'null') stored[column.property] = null
  }
  return stored
}

/** Which properties of two rows differ in Postgres; all where only one of them is there. JSON objects have no order of properties. */
export function differingProperties(columns: readonly Column[], one: Row | null, other: Row | null): string[] {
  if (one === null || other === null) return one === other ? [] : columns.map(({ property }) => property)
  const differs = (column: Column) =>
    !isDeepStrictEqual(storedValue(column, one[column.property]), storedValue(column, other[column.property]))
  return columns.filter(differs).map(({ property }) => property)
}

function storedValue({ kind }: Column, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (kind === 'json') return JSON.parse(JSON.stringify(value)) as unknown
  return value === 0 ? 0 : value
}
