import type { Column, RowMoment } from '@tidemark/projections'
import { ProblemError, type RequestFault } from '../errors.js'
import { quoted } from '../http/nearest-name.js'
import { queryValue } from './query-value.js'
import { fieldsOf, limitOf, refuse, single, unknownParameter, type RawQuery } from './read-query.js'
import type { ServedModel } from './served-model.js'

/** A moment that a row is asked for. */
export type Moment = RowMoment

/** What a request asks of one row. */
export interface RowQuery {
  readonly fields: readonly Column[]
  /** Now unless said. */
  readonly asOf: Moment | undefined
}

/** Which versions of a row are asked for. */
export interface HistoryQuery {
  /** Those that events after this position left. */
  readonly after: bigint
  readonly limit: number
}

/** Reads the query parameters of a single row. */
export function parseRowQuery(model: ServedModel, raw: RawQuery): RowQuery {
  const faults: RequestFault[] = []
  let fields = model.columns
  let asOf: Moment | undefined
  for (const [name, text] of singles(raw, ['fields', 'asOf'], faults)) {
    if (name === 'fields') fields = fieldsOf(model, text, faults)
    else asOf = momentOf(text, faults)
  }
  refuse(faults)
  return { fields, asOf }
}

/** Reads the query parameters of a row's history. */
export function parseHistoryQuery(raw: RawQuery): HistoryQuery {
  const faults: RequestFault[] = []
  let limit = limitOf(undefined, faults)
  let after = 0n
  for (const [name, text] of singles(raw, ['after', 'limit'], faults)) {
    if (name === 'limit') limit = limitOf(text, faults)
    else {
      const position = positionOf(text)
      if (position === undefined)
        faults.push({ parameter: name, detail: `after is ${quoted(text)}, but takes the position page.next` })
      else after = position
    }
  }
  refuse(faults)
  return { after, limit }
}

/** Refuses all query parameters. */
export function parseNoQuery(raw: RawQuery): void {
  const faults: RequestFault[] = []
  singles(raw, [], faults)
  refuse(faults)
}

function singles(raw: RawQuery, known: readonly string[], faults: RequestFault[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = []
  for (const [name, given] of Object.entries(raw).slice(0, 20)) {
    const text = known.includes(name) ? single(name, given, faults) : undefined
    if (text !== undefined) found.push([name, text])
    else if (!known.includes(name)) faults.push(unknownParameter(name, known))
  }
  return found
}

function momentOf(text: string, faults: RequestFault[]): Moment | undefined {
  const position = positionOf(text)
  if (position !== undefined) return { position }
  const time = queryValue(text, 'date')
  if (time !== undefined) return { time: new Date(time) }
  faults.push({
    parameter: 'asOf',
    detail: `asOf is ${quoted(text)}, but takes a position of the log, or an ISO 8601 date, with a time zone where it has a time, such as 2026-01-31T12:00:00Z`,
  })
  return undefined
}

function positionOf(text: string): bigint | undefined {
  const value = text.startsWith('-') ? undefined : queryValue(text, 'bigint')
  return value === undefined ? undefined : BigInt(value)
}

/** The problem of a live row that is asked for as it was. */
export function notLive(parameter: string): ProblemError {
  const detail = `live rows have no ${parameter}: leave it out, or ask for application/json`
  return new ProblemError('invalid-parameter', detail, { errors: [{ parameter, detail }] })
}
