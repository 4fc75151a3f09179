import type { Column, FilterOperator } from '@tidemark/projections'
import type { Cursors, CursorValues } from './cursor.js'
import { ProblemError, type RequestFault } from '../errors.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import { describeKind, queryValue } from './query-value.js'
import type { FilterParameter, ServedModel } from './served-model.js'

export interface Filter {
  readonly column: Column
  readonly operator: FilterOperator
  /** As Postgres reads them; several for `in` alone. */
  readonly values: readonly string[]
}

export interface SortColumn {
  readonly column: Column
  readonly descending: boolean
}

/** What a request asks of a read model. */
export interface ReadQuery {
  readonly filters: readonly Filter[]
  /** Ends with the key, so that no two rows are equal in it. */
  readonly sort: readonly SortColumn[]
  readonly limit: number
  /** The place that the page comes after, or ends before; the first page where there is none. */
  readonly from: PagePlace | undefined
  readonly fields: readonly Column[]
}

/** Where a page is. */
export interface PagePlace {
  readonly values: CursorValues
  readonly side: 'after' | 'before'
}

/** Query parameters as they were parsed: a text, or several of the same name. */
export type RawQuery = Readonly<Record<string, string | readonly string[]>>

export const defaultLimit = 50
export const maxLimit = 200
const listParameters = ['sort', 'limit', 'after', 'before', 'fields'] as const
const maxParameters = 20
const maxChoices = 100

/**
 * Reads the query parameters of a list.
 *
 * @throws {ProblemError} `invalid-parameter` with every fault, or `invalid-cursor`.
 */
export function parseReadQuery(model: ServedModel, raw: RawQuery, cursors: Cursors): ReadQuery {
  const faults: RequestFault[] = []
  const filters: Filter[] = []
  let sort: readonly SortColumn[] = sortOf(model, '', faults)
  let limit = defaultLimit
  let fields = model.columns
  let cursor: { readonly text: string; readonly side: PagePlace['side'] } | undefined
  const parameters = Object.entries(raw)
  if (parameters.length > maxParameters) {
    faults.push({ detail: `the query has ${parameters.length} parameters, at most ${maxParameters} are accepted` })
  }
  for (const [name, given] of parameters.slice(0, maxParameters)) {
    const filter = model.filters.get(name)
    if (filter) {
      const values = filterValues(name, filter, given, faults)
      if (values) filters.push({ column: filter.column, operator: values.length > 1 ? 'in' : filter.operator, values })
      continue
    }
    if (!(listParameters as readonly string[]).includes(name)) {
      faults.push(unknownParameter(name, [...model.filters.keys(), ...listParameters]))
      continue
    }
    const text = single(name, given, faults)
    if (text === undefined) continue
    if (name === 'sort') sort = sortOf(model, text, faults)
    else if (name === 'limit') limit = limitOf(text, faults)
    else if (name === 'after' || name === 'before') {
      if (cursor) faults.push({ parameter: name, detail: 'after and before are given both: a page has one place' })
      cursor = { text, side: name }
    } else fields = fieldsOf(model, text, faults)
  }
  refuse(faults)
  const from = cursor && {
    values: cursors.read(cursor.text, identityOf(model, { filters, sort }), cursor.side),
    side: cursor.side,
  }
  return { filters, sort, limit, from, fields }
}

/** What a cursor is bound to. */
export function identityOf(
  { name, version }: ServedModel,
  { filters, sort }: Pick<ReadQuery, 'filters' | 'sort'>,
): readonly unknown[] {
  const comparisons = filters.map(({ column, operator, values }) => [column.property, operator, [...values].sort()])
  return [
    name,
    version,
    sort.map(({ column, descending }) => [column.property, descending]),
    comparisons.map((comparison) => JSON.stringify(comparison)).sort(),
  ]
}

/** @throws {ProblemError} `invalid-parameter`, when there is a fault. */
export function refuse(faults: readonly RequestFault[]): void {
  const [first] = faults
  if (first) throw new ProblemError('invalid-parameter', first.detail, { errors: faults })
}

export function unknownParameter(name: string, known: readonly string[]): RequestFault {
  return { parameter: name.slice(0, 80), detail: `there is no parameter ${quoted(name)}: ${adviseName(name, known)}` }
}

/** The text of a parameter that may be given once. */
export function single(
  parameter: string,
  given: string | readonly string[],
  faults: RequestFault[],
): string | undefined {
  if (typeof given === 'string') return given
  faults.push({ parameter, detail: `the parameter ${parameter} is given more than once` })
  return undefined
}

function filterValues(
  parameter: string,
  { column, repeatable, choices }: FilterParameter,
  given: string | readonly string[],
  faults: RequestFault[],
): readonly string[] | undefined {
  const texts = typeof given === 'string' ? [given] : given
  if (texts.length > (repeatable ? maxChoices : 1)) {
    const detail = repeatable
      ? `the parameter ${parameter} is given ${texts.length} times, at most ${maxChoices} are accepted`
      : `the parameter ${parameter} is given more than once, and takes one value`
    faults.push({ parameter, detail })
    return undefined
  }
  const values: string[] = []
  for (const text of texts) {
    const value = queryValue(text, column.kind)
    if (value === undefined) {
      faults.push({ parameter, detail: `${parameter} is ${quoted(text)}, but takes ${describeKind(column.kind)}` })
    } else if (choices && !choices.includes(value)) {
      faults.push({ parameter, detail: `${parameter} is never ${quoted(text)}: ${adviseName(text, choices)}` })
    } else {
      values.push(value)
    }
  }
  return values.length === texts.length ? values : undefined
}

function sortOf(model: ServedModel, text: string, faults: RequestFault[]): readonly SortColumn[] {
  const { key, byProperty, sortable } = model
  const sort: SortColumn[] = []
  for (const term of text === '' ? [] : text.split(',').slice(0, maxParameters)) {
    const property = term.replace(/^-/, '')
    const column = sortable.includes(property) ? byProperty.get(property) : undefined
    if (!column) {
      faults.push({
        parameter: 'sort',
        detail: `rows cannot be sorted by ${quoted(property)}: ${adviseName(property, sortable)}`,
      })
    } else if (sort.some((before) => before.column === column)) {
      faults.push({ parameter: 'sort', detail: `sort names ${property} twice` })
    } else {
      sort.push({ column, descending: term.startsWith('-') })
    }
  }
  if (sort.some(({ column }) => column === key)) return sort
  // One direction throughout, where the sort has one: an index on a column and the key then gives the order, read either way.
  return [...sort, { column: key, descending: sort.length > 0 && sort.every(({ descending }) => descending) }]
}

/** The limit that is meant; the usual one where none is given. */
export function limitOf(text: string | undefined, faults: RequestFault[]): number {
  if (text === undefined) return defaultLimit
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= maxLimit) return limit
  faults.push({
    parameter: 'limit',
    detail: `limit is ${quoted(text)}, but takes a whole number from 1 to ${maxLimit}`,
  })
  return defaultLimit
}

/** The columns that `fields` names. */
export function fieldsOf(
  { byProperty, columns }: ServedModel,
  text: string,
  faults: RequestFault[],
): readonly Column[] {
  const wanted = new Set<Column>()
  for (const property of text.split(',').slice(0, 200)) {
    const column = byProperty.get(property)
    if (column) wanted.add(column)
    else
      faults.push({
        parameter: 'fields',
        detail: `rows have no field ${quoted(property)}: ${adviseName(property, [...byProperty.keys()])}`,
      })
  }
  return columns.filter((column) => wanted.has(column))
}
