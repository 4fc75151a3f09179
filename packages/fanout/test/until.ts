import { setTimeout as sleep } from 'node:timers/promises'

/** Waits until a condition holds, and fails after `timeoutMs` with what was seen last. */
export async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean, timeoutMs = 30_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > deadline) {
      const text = JSON.stringify(seen, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
      throw new Error(`not within ${timeoutMs} ms; last seen: ${text}`)
    }
    await sleep(50)
  }
}
