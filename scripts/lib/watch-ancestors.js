import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

function parentOf(pid) {
  try {
    // The second field is a name in brackets, which may hold anything.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1])
  } catch {
    // Not Linux, or it has ended.
  }
  try {
    return Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8' }))
  } catch {
    return undefined
  }
}

/**
 * Tells this process to stop, as SIGTERM does, when npm or the shell between them has ended.
 *
 * A signal that is sent to npm alone ends npm and that shell, and nobody passes it on; SIGKILL cannot be passed on at all.
 */
export function stopWithNpm() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return
  const shell = process.ppid
  const npm = parentOf(shell)
  const watch = setInterval(() => {
    if (process.ppid !== shell || parentOf(shell) !== npm) process.kill(process.pid, 'SIGTERM')
  }, 500)
  watch.unref()
  // Once only: whoever stops already takes a second signal for impatience. What nobody listens to yet takes its usual course.
  const stopWatching = (signal) => {
    clearInterval(watch)
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, stopWatching)
}
