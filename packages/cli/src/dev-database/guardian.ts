import { spawn } from 'node:child_process'
import { once } from 'node:events'

// Text for `node -e`, so that it needs no file of its own. Its input closes when the parent is gone, however that ended.
const program = `
const pid = Number(process.argv[1])
const send = (signal) => { try { process.kill(pid, signal); return true } catch { return false } }
let released = false
process.stdin.on('data', () => { released = true }).on('error', () => undefined).on('close', async () => {
  if (released) return process.exit(0)
  send('SIGCONT')
  send('SIGINT')
  for (let i = 0; i < 200 && send(0); i++) await new Promise((resolve) => setTimeout(resolve, 50))
  send('SIGKILL')
  process.exit(0)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
`

/**
 * Makes sure that a process does not outlive this one, even when this one is ended by SIGKILL: a small process of its own session waits for that.
 *
 * @returns the release, to be called when the process has ended, since its number can be given away.
 */
export function guard(pid: number): () => Promise<void> {
  const guardian = spawn(process.execPath, ['-e', program, String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    env: {},
  })
  guardian.on('error', () => undefined)
  guardian.stdin.on('error', () => undefined)
  const ended = guardian.pid === undefined ? Promise.resolve() : once(guardian, 'exit')
  return async () => {
    guardian.stdin.end('released')
    await ended
  }
}
