import type { ColumnKind, Row } from '@tidemark/projections'
import type { Filter } from '../read-query.js'

/** Says of a row what Postgres says of it: whether all filters are met. */
export function filterRows(filters: readonly Filter[]): (row: Row) => boolean {
  const conditions = filters.map(({ column: { property, kind }, operator, values }) => {
    const wanted = values.map((value) => comparable(kind, value))
    return (row: Row) => {
      const value = row[property]
      if (value === null || value === undefined) return false
      const held = value instanceof Date ? value.getTime() : value
      const order = () => compare(held, wanted[0])
      switch (operator) {
        case 'eq':
        case 'in':
          return wanted.includes(held)
        case 'gte':
          return order() >= 0
        case 'lte':
          return order() <= 0
        case 'gt':
          return order() > 0
        case 'lt':
          return order() < 0
      }
    }
  })
  return (row) => conditions.every((condition) => condition(row))
}

function comparable(kind: ColumnKind, text: string): unknown {
  switch (kind) {
    case 'number':
    case 'int':
      return Number(text)
    case 'bigint':
      return BigInt(text)
    case 'boolean':
      return text === 'true'
    case 'date':
      return Date.parse(text)
    case 'string':
    case 'json':
      return text
  }
}

/** Texts by their bytes, as their columns are collated: JavaScript would compare units of UTF-16. */
function compare(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b))
  const [left, right] = [a as number, b as number]
  return left < right ? -1 : left > right ? 1 : 0
}
