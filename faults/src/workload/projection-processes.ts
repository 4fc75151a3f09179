import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { FaultLabError } from '../fault-lab-error.js'
import type { Mutant } from '../experiment.js'
import type { ProcessNews, ProcessOrder } from './projection-process.js'

const program = fileURLToPath(new URL('projection-process.js', import.meta.url))
const endsWithinMs = 60_000

/** A process that projects, in the hands of the lab. */
export interface ProjectionProcess {
  readonly pid: number
  readonly running: boolean
  /** Resolves when it has told that it is at work; rejected when it ended before. */
  readonly started: Promise<void>
  /** How its task ended, or the signal that ended it; undefined when it ended by itself without a word. */
  readonly outcome: Promise<ProcessOutcome>
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>
  /** Lets it stop by itself. */
  dismiss(): Promise<void>
}

export type ProcessOutcome =
  | Exclude<ProcessNews, { readonly kind: 'started' }>
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | undefined

/** What {@link ProjectionProcesses.start} takes besides the database and the mutant. */
export type ProcessTask = Omit<ProcessOrder, 'databaseUrl' | 'mutant'> & {
  /** In the language of `TIDEMARK_FAILPOINTS`. */
  readonly failpoints?: string
}

/** Starts processes on one database, and ends all that are left. */
export class ProjectionProcesses {
  private readonly all = new Map<ProjectionProcess, ProcessTask['task']>()

  constructor(
    private readonly databaseUrl: string,
    private readonly mutant: Mutant | undefined,
  ) {}

  start({ failpoints, ...task }: ProcessTask): ProjectionProcess {
    const order: ProcessOrder = { ...task, databaseUrl: this.databaseUrl, mutant: this.mutant?.name }
    const child = fork(program, [JSON.stringify(order)], {
      env: { ...process.env, TIDEMARK_FAILPOINTS: failpoints },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const started = control(child)
    this.all.set(started, task.task)
    return started
  }

  /** Runs a task to its end. */
  async run(task: ProcessTask): Promise<ProcessOutcome> {
    const { outcome } = this.start(task)
    return outcome
  }

  /** Those that have not ended. */
  get running(): readonly ProjectionProcess[] {
    return [...this.all.keys()].filter(({ running }) => running)
  }

  /** How many of those with a task have ended. */
  endedOf(task: ProcessTask['task']): number {
    return [...this.all].filter(([each, its]) => its === task && !each.running).length
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((each) => each.kill()))
  }
}

function control(child: ChildProcess): ProjectionProcess {
  let news: ProcessOutcome
  let tellStarted = (): void => undefined
  let failStarted = (_: Error): void => undefined
  const started = new Promise<void>((resolve, reject) => {
    tellStarted = resolve
    failStarted = reject
  })
  // Not everybody asks.
  started.catch(() => undefined)
  child.on('message', (message: ProcessNews) => {
    if (message.kind === 'started') tellStarted()
    else news = message
  })
  const outcome = new Promise<ProcessOutcome>((resolve) => {
    child.once('exit', (_code, signal) => {
      failStarted(new FaultLabError(`a process of the lab ended before it had started`))
      resolve(signal === null ? news : { kind: 'signal', signal })
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
