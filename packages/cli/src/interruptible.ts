import { InterruptedError } from './errors.js'

/**
 * Does work that Ctrl-C or SIGTERM may interrupt at a place where it can go on later; a second one ends the process at once.
 *
 * @throws {InterruptedError} it was interrupted; `howToGoOn` ends the message.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, howToGoOn: string): Promise<T> {
  const controller = new AbortController()
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  try {
    return await work(controller.signal)
  } catch (cause) {
    if (!controller.signal.aborted) throw cause
    throw new InterruptedError(`interrupted: ${howToGoOn}`, { cause })
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt)
  }
}
