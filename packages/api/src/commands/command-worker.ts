import { EventStoreError, type AnyAggregate, type Database } from '@tidemark/eventstore'
import type { FastifyBaseLogger } from 'fastify'
import type { ProblemError } from '../errors.js'
import { problemOfError } from '../http/problem-of-error.js'
import { problemTypes } from '../http/problem-types.js'
import type { StoreEpoch } from '../http/store-epoch.js'
import { refusalOf } from './command-outcome.js'
import type { StoredRequest } from './command-requests.js'
import { executeSentCommand } from './execute-sent-command.js'
import { deleteExpiredCommandRequests } from './sql/delete-expired-command-requests.js'
import { finishCommandRequest, postponeCommandRequest } from './sql/finish-command-request.js'
import { takeCommandRequests, type TakenCommand } from './sql/take-command-requests.js'
import type { CallersStreams } from './streams-of-caller.js'

interface Context {
  readonly database: Database
  readonly streams: CallersStreams
  readonly epoch: StoreEpoch
  readonly aggregates: ReadonlyMap<string, AnyAggregate>
  readonly leaseMs: number
  readonly log: FastifyBaseLogger
}

const concurrency = 8
const pollMs = 1000
const maxTries = 20
const pruneEveryMs = 60_000
const prunedAtOnce = 500

/**
 * Executes commands that were put down, those of one stream in their order; every process with the commands plugin has one, and they share the work.
 *
 * A command that fails for reasons that pass is tried again with growing pauses, and those of its stream wait for it. One whose process died is taken by
 * another when its lease ends, by the database's clock. So it may be executed twice; the ids of its events are the same then.
 */
export class CommandWorker {
  private readonly names: readonly string[]
  private readonly running = new Set<Promise<void>>()
  private timer: NodeJS.Timeout | undefined
  private taking: Promise<void> | undefined
  private again = false
  private stopped = false
  private failing = false
  private pruneAt = 0

  constructor(private readonly context: Context) {
    this.names = [...context.aggregates.values()].flatMap(({ name, commands }) =>
      Object.keys(commands).map((command) => `${name}.${command}`),
    )
  }

  /** Looks for work now, and from now on. */
  wake(): void {
    if (this.stopped) return
    if (this.taking) {
      this.again = true
      return
    }
    clearTimeout(this.timer)
    this.again = false
    this.taking = this.take()
      .then(
        () => void (this.failing = false),
        (error: unknown) => {
          // It is tried again every second: once is enough to know.
          const level = this.failing ? 'debug' : 'warn'
          this.failing = true
          this.context.log[level]({ err: error }, 'commands that wait could not be taken; tried again soon')
        },
      )
      .finally(() => {
        this.taking = undefined
        if (this.again) return this.wake()
        if (!this.stopped) this.timer = setTimeout(() => this.wake(), pollMs).unref()
      })
  }

  /** Takes nothing any more, and waits for what is being executed. */
  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.taking
    await Promise.all(this.running)
  }

  private async take(): Promise<void> {
    const { database, leaseMs } = this.context
    const free = concurrency - this.running.size
    if (free > 0) {
      for (const taken of await takeCommandRequests(database, this.names, free, leaseMs)) {
        const work = this.work(taken).finally(() => {
          this.running.delete(work)
          // The next of its stream may be executed now.
          this.wake()
        })
        this.running.add(work)
      }
    }
    if (performance.now() >= this.pruneAt) {
      const deleted = await deleteExpiredCommandRequests(database, prunedAtOnce)
      this.pruneAt = deleted === prunedAtOnce ? 0 : performance.now() + pruneEveryMs
    }
  }

  private async work(taken: TakenCommand): Promise<void> {
    const { database, log } = this.context
    try {
      const { executed } = await this.execute(taken)
      await finishCommandRequest(database, taken, 'done', executed)
    } catch (error) {
      const problem = problemOfError(error)
      await this.refuse(taken, problem, isPassing(error, problem)).catch((failure: unknown) =>
        log.warn({ err: failure }, 'what became of a command was not noted: it is executed again when its lease ends'),
      )
    }
  }

  private execute({ tenant, request }: TakenCommand) {
    const { streams, epoch, aggregates } = this.context
    const { aggregate: name, command, sent } = JSON.parse(request) as StoredRequest
    const aggregate = aggregates.get(name)
    if (!aggregate) throw new Error(`a command of aggregate "${name}" was taken, which this process does not know`)
    const { expectedVersion } = sent
    return executeSentCommand(streams.ofTenant(tenant), epoch, aggregate, command, {
      ...sent,
      expectedVersion: expectedVersion === undefined ? undefined : BigInt(expectedVersion),
    })
  }

  private async refuse(taken: TakenCommand, problem: ProblemError, isPassing: boolean): Promise<void> {
    const { database, log } = this.context
    if (isPassing && taken.attempt <= maxTries)
      return postponeCommandRequest(database, taken, Math.min(100 * 2 ** taken.attempt, 60_000))
    const isOurs = problemTypes[problem.problem].status >= 500 || isPassing
    if (isOurs) log.error({ err: problem.cause ?? problem, commandId: taken.id }, 'a command failed that was put down')
    await finishCommandRequest(database, taken, isOurs ? 'failed' : 'rejected', refusalOf(problem))
  }
}

/** Whether the same command may succeed later. */
function isPassing(error: unknown, { problem }: ProblemError): boolean {
  return problemTypes[problem].status === 503 || (error instanceof EventStoreError && error.retryable)
}
