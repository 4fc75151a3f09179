import { spawn, type ChildProcess } from 'node:child_process'
import { Socket } from 'node:net'

/** What is left to clean up when this process ends, in whatever way. */
export interface Ward {
  readonly pid: number
  /** How the process is asked to end, before SIGKILL after 3 seconds. */
  readonly signal: NodeJS.Signals
  /** Folders that are deleted afterwards. */
  readonly folders?: readonly string[]
}

// Written as text and run by `node -e`, because the sources are TypeScript and this must run beside either form of them.
const program = `
const { rmSync } = require('node:fs')
const wards = new Map()
let text = ''
const send = (pid, signal) => { try { process.kill(pid, signal); return true } catch { return false } }
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (text + chunk).split('\\n')
  text = lines.pop()
  for (const line of lines) {
    const { watch, forget } = JSON.parse(line)
    if (watch) wards.set(watch.pid, watch)
    else wards.delete(forget)
  }
})
const pause = () => new Promise((resolve) => setTimeout(resolve, 50))
process.stdin.on('error', () => undefined).on('close', async () => {
  const left = [...wards.values()]
  // A stopped process does not see any other signal.
  for (const { pid, signal } of left) send(pid, 'SIGCONT') && send(pid, signal)
  for (let i = 0; i < 60 && left.some(({ pid }) => send(pid, 0)); i++) await pause()
  for (const { pid } of left) send(pid, 'SIGKILL')
  await pause()
  for (const { folders = [] } of left) for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(0)
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)
`

let guardian: ChildProcess | undefined

function tell(message: object): void {
  if (!guardian || guardian.exitCode !== null || guardian.signalCode !== null) {
    guardian = spawn(process.execPath, ['-e', program], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // Its own session: Ctrl-C and a kill of the whole group reach this process, not the one that cleans up after it.
      detached: true,
      env: {},
    })
    guardian.unref()
    guardian.on('error', () => undefined)
    const { stdin } = guardian
    stdin?.on('error', () => undefined)
    if (stdin instanceof Socket) stdin.unref()
  }
  guardian.stdin?.write(`${JSON.stringify(message)}\n`)
}

/**
 * Makes sure that a child process does not outlive this one, not even when this one is ended by SIGKILL.
 *
 * A small process of its own session reads from a pipe that only this process holds. When the pipe closes it ends every
 * ward that was not released. Returns the release: call it when the child has ended, because its pid can be given away.
 *
 * @example
 * const release = guard({ pid, signal: 'SIGINT', folders: [dataDir] })
 * child.once('exit', release)
 */
export function guard(ward: Ward): () => void {
  tell({ watch: ward })
  return () => tell({ forget: ward.pid })
}
