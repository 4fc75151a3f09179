import type { ColumnKind } from '@tidemark/projections'

/** A value of a query parameter as the text that Postgres reads for a column of that kind; undefined when it is none. */
export function queryValue(text: string, kind: ColumnKind): string | undefined {
  switch (kind) {
    case 'string':
      return text.includes('\u0000') || !text.isWellFormed() ? undefined : text
    case 'number':
      return /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text) && Number.isFinite(Number(text))
        ? String(Number(text))
        : undefined
    case 'int':
      return /^-?\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) ? text : undefined
    case 'bigint':
      return /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? text : undefined
    case 'boolean':
      return text === 'true' || text === 'false' ? text : undefined
    case 'date':
      return dateValue(text)
    case 'json':
      return undefined
  }
}

/** What a column of that kind takes, for messages. */
export function describeKind(kind: ColumnKind): string {
  return {
    string: 'text without \\u0000',
    number: 'a number',
    int: 'a whole number below 2^53',
    bigint: 'a whole number of 64 bits',
    boolean: 'true or false',
    date: 'an ISO 8601 date, with a time zone where it has a time, such as 2026-01-31T12:00:00Z',
    json: 'nothing: JSON cannot be compared',
  }[kind]
}

/** Years 1 to 9999, which Postgres and the answers of this API write alike; a `+` of a zone that arrived as a space is put back. */
function dateValue(text: string): string | undefined {
  const iso = /^(?!0000)\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2}))?$/
  const restored = text.replace(/ (\d{2}:\d{2})$/, '+$1')
  const time = iso.test(restored) ? Date.parse(restored) : NaN
  if (Number.isNaN(time)) return undefined
  const written = new Date(time).toISOString()
  return /^(?!0000)\d{4}-/.test(written) ? written : undefined
}
