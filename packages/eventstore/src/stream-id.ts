import { ConfigurationError } from './errors.js'

/** The id of a stream: its category, a dash, and the id of the aggregate: `order-o-42`. */
export type StreamId = `${string}-${string}`

/** Joins a category and an aggregate's id. */
export function streamIdOf(category: string, aggregateId: string): StreamId {
  if (
    aggregateId === '' ||
    Buffer.byteLength(aggregateId) > 512 ||
    aggregateId.includes('\u0000') ||
    !aggregateId.isWellFormed()
  ) {
    throw new ConfigurationError(
      `the id of a ${category} is 1 to 512 bytes of well-formed text without \\u0000, got ${JSON.stringify(aggregateId)}`,
    )
  }
  return `${category}-${aggregateId}`
}

/** Takes a stream id apart at its first dash. */
export function partsOf(streamId: string): { readonly category: string; readonly aggregateId: string } {
  const dash = streamId.indexOf('-')
  return dash < 0
    ? { category: streamId, aggregateId: '' }
    : { category: streamId.slice(0, dash), aggregateId: streamId.slice(dash + 1) }
}

/** Checks a stream id that was given as text: `category-id`. */
export function checkStreamId(streamId: string): StreamId {
  const { category, aggregateId } = partsOf(streamId)
  if (!/^[A-Za-z][A-Za-z0-9_.]{0,99}$/.test(category)) {
    throw new ConfigurationError(
      `stream id ${JSON.stringify(streamId)} does not start with a category: write it as category-id, such as order-o-42`,
    )
  }
  return streamIdOf(category, aggregateId)
}
