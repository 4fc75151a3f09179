import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { RebuildProgress } from '@tidemark/projections'

export interface WorkersOptions {
  /** The arguments with which this command joins a rebuild. */
  readonly args: readonly string[]
  readonly cwd: string
  readonly environment: NodeJS.ProcessEnv
  readonly onProgress: (worker: number, progress: RebuildProgress) => void
  readonly onEnd: (worker: number) => void
}

const program = fileURLToPath(new URL('../bin/tidemark.js', import.meta.url))
const killAfterMs = 10_000

/**
 * Other processes of this command that help with a rebuild.
 *
 * They end with this process, however that ends: each sees its channel close. What one that died had begun is taken over by the others.
 */
export class RebuildWorkers {
  private readonly workers: { readonly child: ChildProcess; readonly ended: Promise<void> }[] = []
  private readonly complaints: string[] = []
  private stopping = false

  constructor(private readonly options: WorkersOptions) {}

  start(count: number): void {
    for (let worker = 1; worker <= count; worker++) this.workers.push(this.startOne(worker))
  }

  /** Lets them end after the batch in work; what they complain of from here on is of no interest. */
  interrupt(): void {
    this.stopping = true
    for (const { child } of this.workers) child.kill('SIGTERM')
  }

  /** Waits for those that still work, and ends those that do not end; returns what went wrong with them. */
  async end(): Promise<readonly string[]> {
    const kill = setTimeout(() => {
      for (const { child } of this.workers) child.kill('SIGKILL')
    }, killAfterMs)
    await Promise.all(this.workers.map(({ ended }) => ended))
    clearTimeout(kill)
    return this.complaints
  }

  private startOne(worker: number): { child: ChildProcess; ended: Promise<void> } {
    const { args, cwd, environment, onProgress, onEnd } = this.options
    const child = spawn(process.execPath, [program, ...args], {
      ...{ cwd, env: environment, serialization: 'advanced' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)))
    child.on('message', (progress) => onProgress(worker, progress as RebuildProgress))
    const ended = new Promise<void>((resolve) => {
      const end = (how: string) => {
        if (!this.stopping) this.complaints.push(`worker ${worker} ${how}; its part was done without it`)
        resolve()
      }
      child.once('error', (error) => end(`could not be started: ${error.message}`))
      child.once('close', (code, signal) => {
        onEnd(worker)
        if (code === 0) return resolve()
        end(`ended with ${code ?? signal}${said === '' ? '' : `: ${said.trim().split('\n').at(-1) ?? ''}`}`)
      })
    })
    return { child, ended }
  }
}
