import { setTimeout as sleep } from 'node:timers/promises'

/** Waits; an abort ends it early, without an error. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (milliseconds <= 0) return
  await sleep(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined)
}

/**
 * A signal that is aborted after a time, or with another one.
 *
 * Made by hand: on Node 20 a signal of `AbortSignal.timeout` that only `AbortSignal.any` knows is collected, and never aborts.
 */
export function deadline(milliseconds: number, signal: AbortSignal): AbortSignal {
  const controller = new AbortController()
  const end = () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
    controller.abort()
  }
  const timer = setTimeout(end, milliseconds)
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  return controller.signal
}

/** Waits for something, but no longer than a time or until an abort; neither is an error. */
export async function atMost(milliseconds: number, awaited: Promise<void>, signal: AbortSignal): Promise<void> {
  const over = new AbortController()
  const end = () => over.abort()
  signal.addEventListener('abort', end)
  await Promise.race([awaited, pause(signal.aborted ? 0 : milliseconds, over.signal)])
  signal.removeEventListener('abort', end)
  over.abort()
}
