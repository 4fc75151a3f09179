import { SendAbortedError } from './errors.js'

/**
 * Waits for a send until the caller does not want to wait any longer; the send itself goes on.
 *
 * @throws {SendAbortedError} the signal was aborted first.
 */
export async function untilAborted(sending: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return sending
  const { promise, reject } = withRejection()
  const onAbort = () => reject(new SendAbortedError())
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([sending, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function withRejection(): { readonly promise: Promise<never>; readonly reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => undefined
  const promise = new Promise<never>((_resolve, onReject) => (reject = onReject))
  return { promise, reject }
}
