import type { EventStore } from '@tidemark/eventstore'
import { setTimeout as sleep } from 'node:timers/promises'
import { UsageError } from '../errors.js'
import type { Output } from '../output/output.js'

const pollEveryMs = 500

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
  let wake: () => void = () => undefined
  const unsubscribe = store.log.onAdvance(() => wake())
  store.startWakeup()
  try {
    await untilStopped(
      read,
      () => new Promise((resolve) => (wake = resolve)),
      () => wake(),
    )
  } finally {
    unsubscribe()
  }
}

/** Reads every half second, until Ctrl-C or SIGTERM. */
export function poll(read: () => Promise<void>): Promise<void> {
  return untilStopped(read, (signal) => sleep(pollEveryMs, undefined, { signal }).catch(() => undefined))
}

/** @param rest begins to wait for more before each reading, so that nothing is missed in between. */
async function untilStopped(
  read: () => Promise<void>,
  rest: (signal: AbortSignal) => Promise<void>,
  onStop: () => void = () => undefined,
): Promise<void> {
  const controller = new AbortController()
  const stop = () => {
    controller.abort()
    onStop()
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, stop)
  try {
    while (!controller.signal.aborted) {
      const rested = rest(controller.signal)
      await read()
      if (!controller.signal.aborted) await rested
    }
  } finally {
    for (const signal of signals) process.off(signal, stop)
  }
}

/** Where following begins that shows some of what is there. */
export function beginBefore(newest: bigint, last: number): bigint {
  const begin = newest - BigInt(last)
  return begin > 0n ? begin : 0n
}
