import { run, type Database } from '@tidemark/eventstore'
import type { ReadModel, RowText } from '@tidemark/projections'
import type { CursorValues } from '../cursor.js'
import type { Filter, ReadQuery, SortColumn } from '../read-query.js'
import { KeptStatements } from './kept-statements.js'
import { hasOwnText, quotedColumn, selectedColumns } from './selected-columns.js'

export interface Page {
  /** The texts of the fields of each row. */
  readonly rows: readonly RowText[]
  /** The keys of the rows as text, whether the rows have them or not. */
  readonly keys: readonly string[]
  /** Where the next page goes on; undefined when this is the last. */
  readonly next: CursorValues | undefined
  /** Where the page before ends; undefined when this is the first. An empty page has neither. */
  readonly prev: CursorValues | undefined
}

/** The first pages of lists that nobody filters, and those after them, are asked for most, and any place has the same plan. */
const unfiltered = new KeptStatements(100)

/**
 * Reads one page of a read model, with one row more to know whether another follows.
 *
 * Statements without filters are prepared where the database prepares any. One with a filter is planned for its values, which are never alike.
 */
export async function selectPage(database: Database, { view, key }: ReadModel, query: ReadQuery): Promise<Page> {
  const { filters, sort, fields, limit, from } = query
  const backwards = from?.side === 'before'
  // A page before a place is one after it in the opposite order, turned round.
  const order = backwards ? sort.map(({ column, descending }) => ({ column, descending: !descending })) : sort
  const values: unknown[] = []
  const bind = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const conditions = filters.map((filter) => comparison(filter, bind))
  if (from) conditions.push(`(${comesAfter(order, from.values, bind)})`)
  const selected = selectedColumns(fields)
  // Where the text of each sorted column stands in a row.
  const places = sort.map(({ column }) => {
    const field = hasOwnText(column) ? fields.indexOf(column) : -1
    return field >= 0 ? field : selected.push(`${quotedColumn(column)}::text`) - 1
  })
  const text = `
select ${selected.join(', ')}
  from ${view} as r
 ${whereOf(conditions)}
 order by ${order.map(({ column, descending }) => `${quotedColumn(column)} ${descending ? 'desc' : 'asc'}`).join(', ')}
 limit ${limit + 1}`
  const kept = filters.length === 0 ? unfiltered.of(text) : undefined
  const found = await (kept
    ? run<(string | null)[]>(database, kept, values)
    : run<(string | null)[]>({ ...database, prepare: false }, { name: 'select-page', text: () => text }, values))
  const page = backwards ? found.slice(0, limit).reverse() : found.slice(0, limit)
  const more = found.length > limit
  const placeOf = (row: RowText | undefined) => row && places.map((index) => row[index] ?? null)
  // Each order ends with the key.
  const keyIndex = places[sort.findIndex(({ column }) => column.property === key.property)] ?? -1
  return {
    rows: page,
    keys: page.map((row) => row[keyIndex] ?? ''),
    // There was a row at the place that the page was asked from.
    next: more || backwards ? placeOf(page.at(-1)) : undefined,
    prev: (backwards && more) || from?.side === 'after' ? placeOf(page[0]) : undefined,
  }
}

/** Adds a value to those of a statement, and gives its parameter. */
export type Bind = (value: unknown, type: string) => string

const operators = { eq: '=', gte: '>=', lte: '<=', gt: '>', lt: '<' } as const

/** A filter as a condition. */
export function comparison({ column, operator, values }: Filter, bind: Bind): string {
  const name = quotedColumn(column)
  return operator === 'in'
    ? `${name} = any(${bind(values, `${column.type}[]`)})`
    : `${name} ${operators[operator]} ${bind(values[0], column.type)}`
}

/** Conditions as a clause, which may be empty. */
export function whereOf(conditions: readonly string[]): string {
  return conditions.length > 0 ? `where ${conditions.join(' and ')}` : ''
}

/**
 * The rows after a place in the order: greater in the first column, or equal there and greater in the second, and so on.
 *
 * Where all columns go one way and none can be null this is one comparison of rows, which an index on them answers whole.
 * Nulls come last going up and first going down, as Postgres sorts.
 */
function comesAfter(sort: readonly SortColumn[], after: CursorValues, bind: Bind): string {
  const places = sort.map((term, index) => {
    const value = after[index] ?? null
    return { ...term, name: quotedColumn(term.column), value: value === null ? null : bind(value, term.column.type) }
  })
  const [first] = places
  if (first && places.every(({ column, descending }) => !column.nullable && descending === first.descending)) {
    const [names, values] = [places.map(({ name }) => name), places.map(({ value }) => value)]
    return `(${names.join(', ')}) ${first.descending ? '<' : '>'} (${values.join(', ')})`
  }
  const alternatives = places.map((place, index) => {
    const equal = places
      .slice(0, index)
      .map(({ name, value }) => (value === null ? `${name} is null` : `${name} = ${value}`))
    return [...equal, beyond(place)].join(' and ')
  })
  return alternatives.map((alternative) => `(${alternative})`).join(' or ')
}

function beyond({ name, value, column, descending }: SortColumn & { name: string; value: string | null }): string {
  if (descending) return value === null ? `${name} is not null` : `${name} < ${value}`
  if (value === null) return 'false'
  return column.nullable ? `(${name} > ${value} or ${name} is null)` : `${name} > ${value}`
}
