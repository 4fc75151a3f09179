import type { EventStore } from '@tidemark/eventstore'
import { UsageError } from '../errors.js'
import type { Output } from '../output/output.js'

/** @throws {UsageError} JSON was asked for, which ends. */
export function refuseEndlessJson({ options }: Output): void {
  if (options.format === 'json') throw new UsageError('what has no end cannot be one JSON value: use -o ndjson')
}

/**
 * Reads whenever the log has grown, until Ctrl-C or SIGTERM; `read` goes on where it was and reads all that there is.
 *
 * Appends of other processes are seen within a fifth of a second.
 */
export async function follow(store: EventStore, read: () => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const stop = () => controller.abort()
  let wake: () => void = () => undefined
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, stop)
  controller.signal.addEventListener('abort', () => wake())
  store.startWakeup()
  const unsubscribe = store.log.onAdvance(() => wake())
  try {
    while (!controller.signal.aborted) {
      const advanced = new Promise<void>((resolve) => (wake = resolve))
      await read()
      if (!controller.signal.aborted) await advanced
    }
  } finally {
    unsubscribe()
    for (const signal of signals) process.off(signal, stop)
  }
}
