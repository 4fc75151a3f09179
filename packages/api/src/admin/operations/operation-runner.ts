import { inTransaction, on, type EventStore, type Logger } from '@tidemark/eventstore'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import type { AuditedAction, AuditLog } from '../audit-log.js'
import {
  askToCancel,
  endOperation,
  insertOperation,
  releaseOperation,
  renewOperation,
  takeUpOperation,
  type OperationEnd,
} from '../sql/operation-statements.js'
import { failureOf, isRefusal } from './failure-of.js'
import type { AnyOperationKind } from './operation-kind.js'
import { OperationPruning } from './operation-pruning.js'
import type { StoredOperation } from './operation.js'

export interface OperationRunnerOptions {
  readonly kinds: readonly AnyOperationKind[]
  /** The names of what this process has in code, which operations may be about. */
  readonly names: readonly string[]
  /** How long a process may be silent before another one takes its operations up. */
  readonly leaseMs: number
  /** How often it looks for operations that nobody runs. */
  readonly pollIntervalMs: number
  /** How many it runs at once; more wait. */
  readonly maxRunning: number
  /** How long one is kept after its end. */
  readonly retentionMs: number
  readonly logger: Logger
}

/** What somebody asks for, and who. */
export interface OperationRequest {
  readonly kind: AnyOperationKind
  readonly target: string
  /** The body, as it came. */
  readonly body: object
  readonly changes: boolean
  readonly actor: string
  readonly reason: string
  readonly correlationId: string
  readonly traceparent: string | undefined
}

interface Running {
  readonly controller: AbortController
  readonly ended: Promise<OperationOutcome>
}

/** How an operation ended, with the error as it was thrown where it failed in this process. */
export interface OperationOutcome {
  readonly operation: StoredOperation | undefined
  readonly error?: unknown
}

const abandoned = {
  code: 'API_OPERATION_ABANDONED',
  message: 'the process that ran it died, and it cannot be gone on with: see how far it came, and ask again',
}
const closed = {
  code: 'API_OPERATION_ENDED_BY_CLOSE',
  message: 'the server closed, and it cannot be gone on with: see how far it came, and ask again',
}

class Cancelled extends Error {}
class Closing extends Error {}
class TakenOver extends Error {}

/**
 * Runs operations of this process, and those that other processes have left.
 *
 * An operation is held by a lease by the database's clock. What is written of it is bound to the attempt, so a process that was paused past its lease
 * changes nothing of it any more.
 */
export class OperationRunner {
  private readonly owner = randomUUID()
  private readonly byKind: ReadonlyMap<string, AnyOperationKind>
  private readonly running = new Map<string, Running>()
  private readonly closing = new AbortController()
  private polling: Promise<void> | undefined

  constructor(
    private readonly store: EventStore,
    private readonly audit: AuditLog,
    private readonly options: OperationRunnerOptions,
  ) {
    this.byKind = new Map(options.kinds.map((kind) => [kind.kind, kind]))
  }

  /** Begins to look for operations that nobody runs. */
  start(): void {
    this.polling = this.poll()
  }

  /**
   * Stores an operation with its entry in the audit stream, and begins it where there is room.
   *
   * @returns undefined where one of its kind waits or runs on the target.
   */
  async request(request: OperationRequest): Promise<StoredOperation | undefined> {
    const { kind, target, body, changes, actor, reason, correlationId, traceparent } = request
    const { leaseMs, maxRunning } = this.options
    const lease = this.running.size < maxRunning ? { owner: this.owner, leaseMs } : undefined
    const row = { id: uuidv7(), kind: kind.kind, target, input: body, audited: changes, requestedBy: actor }
    const stored = await inTransaction(this.store.pool, async (client) => {
      const database = on(this.store.database, client)
      const inserted = await insertOperation(database, { ...row, correlationId, reason }, lease)
      if (inserted?.audited) await this.audit.request(client, { ...actionOf(inserted), traceparent }, body)
      return inserted
    })
    if (stored?.audited) this.store.notifyAppended()
    if (stored && lease) this.run(stored)
    return stored
  }

  /** Waits for an operation that this process runs, for so long at most; undefined where it goes on. */
  async outcomeWithin(id: string, ms: number): Promise<OperationOutcome | undefined> {
    const running = this.running.get(id)
    if (!running) return undefined
    const timer = new AbortController()
    const late = sleep(ms, undefined, { signal: timer.signal, ref: false }).catch(() => undefined)
    return Promise.race([running.ended, late]).finally(() => timer.abort())
  }

  /**
   * Asks for the end of an operation, wherever it runs; audited, also where what is cancelled changes nothing.
   *
   * @returns the operation, or undefined where it has ended.
   */
  async cancel(
    id: string,
    action: Omit<AuditedAction, 'operationId' | 'target'>,
  ): Promise<StoredOperation | undefined> {
    const asked = await inTransaction(this.store.pool, async (client) => {
      const found = await askToCancel(on(this.store.database, client), id)
      if (!found) return undefined
      const audited = { ...action, operationId: id, target: found.operation.target }
      await this.audit.request(client, audited, { operation: found.operation.kind })
      await this.audit.end(client, audited, { outcome: 'done' })
      return found
    })
    if (!asked) return undefined
    this.store.notifyAppended()
    this.running.get(id)?.controller.abort(new Cancelled())
    if (!asked.idle) return asked.operation
    // Where somebody took it up meanwhile, he sees that it is not wanted.
    return (await this.end(asked.operation, { status: 'cancelled' })) ?? asked.operation
  }

  /** Ends what runs here: what can be resumed is left to others, and the rest is marked as failed. */
  async stop(): Promise<void> {
    this.closing.abort(new Closing())
    for (const { controller } of this.running.values()) controller.abort(new Closing())
    await Promise.all([...this.running.values()].map(({ ended }) => ended))
    await this.polling
  }

  private async poll(): Promise<void> {
    const { kinds, names, leaseMs, pollIntervalMs, maxRunning, logger } = this.options
    const named = kinds.filter(({ targetIsNamed }) => targetIsNamed).map(({ kind }) => kind)
    const runnable = { kinds: kinds.map(({ kind }) => kind), named, targets: names }
    const { signal } = this.closing
    const pruning = new OperationPruning(this.store, this.options)
    while (!signal.aborted) {
      try {
        const free = this.running.size < maxRunning
        const lease = { owner: this.owner, leaseMs }
        const taken = free ? await takeUpOperation(this.store.database, lease, runnable) : undefined
        if (taken) this.run(taken)
        if (taken && !signal.aborted) continue
      } catch (error) {
        logger.warn({ err: error }, 'operations cannot be looked for')
      }
      await pruning.look()
      await sleep(pollIntervalMs, undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  private run(operation: StoredOperation): void {
    const controller = new AbortController()
    if (this.closing.signal.aborted) controller.abort(new Closing())
    const ended = this.perform(operation, controller)
      .catch((error: unknown): OperationOutcome => {
        // Its lease runs out, and whoever takes it up ends it.
        this.options.logger.error({ err: error, operation: operation.id }, 'the end of an operation cannot be stored')
        return { operation: undefined, error }
      })
      .finally(() => this.running.delete(operation.id))
    this.running.set(operation.id, { controller, ended })
  }

  private async perform(operation: StoredOperation, controller: AbortController): Promise<OperationOutcome> {
    const kind = this.byKind.get(operation.kind)
    if (!kind) throw new Error(`there is no kind of operation ${operation.kind}`)
    if (operation.cancelRequested) return { operation: await this.end(operation, { status: 'cancelled' }) }
    const input = kind.input.parse(operation.input)
    if (operation.attempts > 1 && !kind.resumable(input)) {
      return { operation: await this.end(operation, { status: 'failed', error: abandoned }) }
    }
    const { leaseMs, logger } = this.options
    const { signal } = controller
    let progress: StoredOperation['progress']
    const keeping = this.keep(operation, controller, () => progress)
    try {
      const work = {
        operation,
        signal,
        leaseMs,
        progress: (done: bigint, total: bigint) => (progress = { done, total }),
      }
      const { result, error } = await kind.run(input, operation.target, work).then(
        (given: unknown) => ({ result: given, error: undefined }),
        (met: unknown) => ({ result: undefined, error: { met } }),
      )
      const reached = progress && { progress }
      if (!error) return { operation: await this.endForSure(operation, { status: 'done', result, ...reached }) }
      const { met } = error
      if (signal.reason instanceof TakenOver) return { operation: undefined, error: met }
      if (signal.reason instanceof Cancelled)
        return { operation: await this.endForSure(operation, { status: 'cancelled', ...reached }), error: met }
      if (signal.reason instanceof Closing && kind.resumable(input)) {
        await releaseOperation(this.store.database, operation)
        return { operation, error: met }
      }
      if (!isRefusal(met) && !signal.aborted)
        logger.error({ err: met, operation: operation.id, kind: operation.kind }, 'an operation failed')
      const failure = signal.reason instanceof Closing ? closed : failureOf(met, kind.hidesErrors?.(operation.target))
      return {
        operation: await this.endForSure(operation, { status: 'failed', error: failure, ...reached }),
        error: met,
      }
    } finally {
      keeping.stop()
      await keeping.stopped
    }
  }

  /** Renews the lease while an operation runs, and notices that it is to end. */
  private keep(operation: StoredOperation, controller: AbortController, progressOf: () => StoredOperation['progress']) {
    const stopping = new AbortController()
    const { leaseMs, logger } = this.options
    const intervalMs = Math.min(leaseMs / 4, 1000)
    const renew = async () => {
      for (;;) {
        await sleep(intervalMs, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined)
        if (stopping.signal.aborted) return
        try {
          const kept = await renewOperation(this.store.database, operation, { leaseMs, progress: progressOf() })
          if (kept === 'lost') controller.abort(new TakenOver())
          if (kept === 'cancelled') controller.abort(new Cancelled())
          if (kept === 'lost') return
        } catch (error) {
          logger.warn({ err: error, operation: operation.id }, 'the lease of an operation cannot be renewed')
        }
      }
    }
    return { stop: () => stopping.abort(), stopped: renew() }
  }

  /** The same as {@link end}, tried again while the database does not answer: what was done must not be unknown because of that. */
  private async endForSure(operation: StoredOperation, end: OperationEnd): Promise<StoredOperation | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.end(operation, end)
      } catch (error) {
        if (tries >= 5 || this.closing.signal.aborted) throw error
        await sleep(200 * 2 ** tries, undefined, { signal: this.closing.signal }).catch(() => undefined)
      }
    }
  }

  /** Ends an operation and notes that in the audit stream, both or neither; undefined where another process has it. */
  private async end(operation: StoredOperation, end: OperationEnd): Promise<StoredOperation | undefined> {
    const ended = await inTransaction(this.store.pool, async (client) => {
      const stored = await endOperation(on(this.store.database, client), operation, end)
      const outcome = { outcome: end.status, error: end.error }
      if (stored?.audited) await this.audit.end(client, actionOf(stored), outcome)
      return stored
    })
    if (ended?.audited) this.store.notifyAppended()
    return ended
  }
}

function actionOf({ id, kind, target, requestedBy, reason, correlationId }: StoredOperation): AuditedAction {
  return { operationId: id, action: kind, target, actor: requestedBy, reason, correlationId }
}
