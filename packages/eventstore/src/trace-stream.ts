import type { StreamStore } from './stream-store.js'
import { traceEvents, type EventTrace } from './trace-events.js'

const maxTraced = 500
const maxOthers = 500
const window = 10_000n

/**
 * Traces the newest 500 events of a stream, as {@link traceEvents} does, in windows of 10,000 positions; finds at most 500 events besides.
 *
 * @example
 * const { position: head } = await store.head()
 * const trace = await traceStream(store, 'order-o-42', { head })
 */
export async function traceStream(
  streams: Pick<StreamStore, 'database' | 'readStream'>,
  streamId: string,
  { head, toVersion }: { readonly head: bigint; readonly toVersion?: bigint | undefined },
): Promise<EventTrace> {
  const starts = await streams.readStream(streamId, {
    ...{ direction: 'backwards', limit: maxTraced },
    ...(toVersion !== undefined && { toVersion }),
  })
  return traceEvents(streams.database, starts, { head, window, limit: starts.length + maxOthers })
}
