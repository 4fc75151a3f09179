import type { Projection, RowKey } from '@tidemark/projections'
import { UsageError } from './errors.js'

/**
 * The key of a row, as it was typed.
 *
 * @throws {UsageError} keys of the projection are numbers, and it is none.
 */
export function rowKey({ name, key, columns }: Projection, text: string): RowKey {
  if (columns.find(({ property }) => property === key)?.kind === 'string') return text
  if (text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  throw new UsageError(`the keys of "${name}" are numbers, ${JSON.stringify(text)} is none`)
}
