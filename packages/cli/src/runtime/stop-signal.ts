import { exitCode } from '../exit-code.js'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const deadlineMs = 10_000

/**
 * Resolves when the process is told to stop, from now on and for good: one that is still starting stops once it has started.
 *
 * A second signal ends the process with 1, as does a stop that takes longer than 10 seconds: what was in work is done again later.
 */
export function listenForStop(note: (text: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = () => {
      if (asked) process.exit(exitCode.failed)
      asked = true
      note('stopping …')
      setTimeout(() => {
        note('stopping took longer than 10 s: ended at once, what was in work will be done again')
        process.exit(exitCode.failed)
      }, deadlineMs).unref()
      resolve()
    }
    for (const signal of signals) process.on(signal, onSignal)
  })
}
