import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FaultLabError } from '../fault-lab-error.js'
import type { LabOrder } from './lab-program.js'

const endsWithinMs = 60_000

/** How a program of the lab ended by itself. */
export type End =
  { readonly kind: 'done' } | { readonly kind: 'failed'; readonly code: string; readonly message: string }

/** How a process ended: by itself, or by a signal; undefined when it ended by itself without a word. */
export type Outcome<Ends extends End> = Ends | { readonly kind: 'signal'; readonly signal: NodeJS.Signals } | undefined

/** A process in the hands of the lab. */
export interface LabProcess<Ends extends End = End> {
  readonly pid: number
  readonly running: boolean
  /** Resolves when it has told that it is at work; rejected when it ended before. */
  readonly started: Promise<void>
  readonly outcome: Promise<Outcome<Ends>>
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>
  /** Lets it stop by itself. */
  dismiss(): Promise<void>
}

export interface LabProcessOptions<News> {
  /** In the language of `TIDEMARK_FAILPOINTS`. */
  readonly failpoints?: string | undefined
  /** Called with everything that it tells. */
  readonly onNews?: (news: News) => void
}

/** Starts a program that is beside this file. */
export function startLabProcess<News extends { readonly kind: string }>(
  program: string,
  order: LabOrder,
  { failpoints, onNews }: LabProcessOptions<News> = {},
): LabProcess<Extract<News, End>> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), [JSON.stringify(order)], {
    env: { ...process.env, TIDEMARK_FAILPOINTS: failpoints },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let end: Extract<News, End> | undefined
  let tellStarted = (): void => undefined
  let failStarted = (_: Error): void => undefined
  const started = new Promise<void>((resolve, reject) => {
    tellStarted = resolve
    failStarted = reject
  })
  // Not everybody asks.
  started.catch(() => undefined)
  child.on('message', (news: News) => {
    if (news.kind === 'started') tellStarted()
    if (news.kind === 'done' || news.kind === 'failed') end = news as Extract<News, End>
    onNews?.(news)
  })
  const outcome = new Promise<Outcome<Extract<News, End>>>((resolve) => {
    child.once('exit', (_code, signal) => {
      failStarted(new FaultLabError('a process of the lab ended before it had started'))
      resolve(signal === null ? end : { kind: 'signal', signal })
    })
  })
  const isRunning = () => child.exitCode === null && child.signalCode === null
  return {
    pid: child.pid ?? 0,
    get running() {
      return isRunning()
    },
    started,
    outcome,
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL')
      await outcome
    },
    async dismiss() {
      if (!isRunning()) return
      const timer = setTimeout(() => child.kill('SIGKILL'), endsWithinMs)
      const ended = once(child, 'exit')
      if (child.connected) child.disconnect()
      await ended
      clearTimeout(timer)
    },
  }
}
