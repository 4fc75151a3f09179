import type { Projection, RowKey } from './define-projection.js'

/** The streams of a row whose projection is keyed by stream; a key that can be no aggregate's id has streams without events. */
export function streamIdsOf({ aggregates }: Projection, key: RowKey): string[] {
  return aggregates.map(({ name }) => `${name}-${key}`)
}
