import type { ColumnKind } from './columns.js'

export interface Unstorable {
  /** The JSON path within the value. */
  readonly path: string
  readonly reason: string
}

/** Says why Postgres would not take a value of a column; undefined when it would. */
export function unstorable(value: unknown, kind: ColumnKind): Unstorable | undefined {
  if (kind !== 'bigint') return unstorableText(value, '')
  const fits = typeof value !== 'bigint' || BigInt.asIntN(64, value) === value
  return fits ? undefined : { path: '', reason: 'it needs more than 64 bits' }
}

/** The first text within a value that no text of Postgres can be. */
function unstorableText(value: unknown, path: string): Unstorable | undefined {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) return { path, reason: 'the text has a lone surrogate' }
    return value.includes('\u0000') ? { path, reason: 'the text has the character \\u0000' } : undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const innerPath = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`
    const found = unstorableText(key, innerPath) ?? unstorableText(inner, innerPath)
    if (found) return found
  }
  return undefined
}
