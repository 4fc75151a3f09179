import type { Mutant } from '../experiment.js'
import { startLabProcess, type LabProcess, type Outcome } from './lab-process.js'
import type { ProcessEnd, ProcessNews, ProcessOrder } from './projection-process.js'

/** A process that projects, in the hands of the lab. */
export type ProjectionProcess = LabProcess<ProcessEnd>
export type ProcessOutcome = Outcome<ProcessEnd>

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
    const started = startLabProcess<ProcessNews>('projection-process.js', order, { failpoints })
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
