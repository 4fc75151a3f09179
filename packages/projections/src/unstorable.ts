import { assertStorable, UnstorableValueError } from '@tidemark/eventstore'
import type { ColumnKind } from './columns.js'

/** Says why Postgres would not take a value of a column as it is, with the JSON path within the value; undefined when it would. */
export function unstorable(
  value: unknown,
  kind: ColumnKind,
): { readonly path: string; readonly reason: string } | undefined {
  if (value === undefined || value === null) return undefined
  if (kind === 'bigint') {
    return BigInt.asIntN(64, value as bigint) === value
      ? undefined
      : { path: '$', reason: 'it needs more than 64 bits' }
  }
  try {
    assertStorable(value)
    return undefined
  } catch (error) {
    if (error instanceof UnstorableValueError) return { path: error.path, reason: error.reason }
    throw error
  }
}
