import { listProjections, type Projection, type ProjectionStore, type Projector } from '@tidemark/projections'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodeToken } from '../http/consistency-token.js'
import { ProblemError } from '../errors.js'
import { parsePrefer, preferenceApplied } from '../http/prefer-header.js'
import { StoreEpoch } from '../http/store-epoch.js'

/** Who can wait for projections, whichever process runs them: a projector, started or not. */
export type ProjectionWaiter = Pick<Projector, 'waitFor'>

const defaultWaitMs = 1000
const maxWaitMs = 5000

/** Lets reads wait until their projection shows what a `Consistency-Token` stands for. */
export class ReadYourWrites {
  private readonly epoch: StoreEpoch
  private waiting = 0

  constructor(
    private readonly store: ProjectionStore,
    private readonly waiter: ProjectionWaiter,
    private readonly maxWaiters: number,
  ) {
    this.epoch = new StoreEpoch(store)
  }

  /**
   * Waits for the token of a request, and says in the answer's headers what was done; returns at once without a token.
   *
   * @throws {ProblemError} `projection-behind` when the time was not enough and the request is not lenient, `projection-faulted`
   * at once when it never will be, `projection-without-position` when it cannot be told, `foreign-epoch`, `invalid-token`, `overloaded`.
   */
  async wait(projection: Projection, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const header = request.headers['consistency-token']
    if (header === undefined) return
    const { epoch, position } = decodeToken(String(header))
    if (!(await this.epoch.isCurrent(epoch))) {
      throw new ProblemError(
        'foreign-epoch',
        'the log was restored since the Consistency-Token was made, so its place means nothing any more: drop it, and look whether the command is still there',
      )
    }
    const { waitMs, lenient } = parsePrefer(request.headers.prefer)
    const timeoutMs = Math.min(waitMs ?? defaultWaitMs, maxWaitMs)
    const outcome = await this.waitCapped(projection.name, position, timeoutMs, reply)
    if (outcome === 'reached') {
      if (waitMs !== undefined) preferenceApplied(reply, 'wait')
      return
    }
    if (outcome === 'fed') {
      if (!lenient) throw withoutPosition(projection)
      preferenceApplied(reply, 'handling=lenient')
      return
    }
    const lag = await this.lagOf(projection)
    if (outcome === 'behind' && lenient) {
      preferenceApplied(reply, 'handling=lenient')
      void reply.header('projection-lag', lag)
      return
    }
    throw outcome === 'behind' ? behind(projection, lag, timeoutMs) : faulted(projection, lag)
  }

  private async waitCapped(name: string, position: bigint, timeoutMs: number, reply: FastifyReply) {
    if (this.waiting >= this.maxWaiters) {
      throw new ProblemError(
        'overloaded',
        `${this.waiting} reads are waiting for projections already: try again later`,
        {
          headers: { 'retry-after': '1' },
        },
      )
    }
    const abort = new AbortController()
    const onClose = () => abort.abort()
    reply.raw.once('close', onClose)
    this.waiting++
    try {
      return await this.waiter.waitFor(name, position, { timeoutMs, signal: abort.signal })
    } catch (error) {
      // Whoever asked is gone, so the answer matters to nobody.
      if (abort.signal.aborted) return 'behind'
      throw error
    } finally {
      this.waiting--
      reply.raw.off('close', onClose)
    }
  }

  private async lagOf(projection: Projection): Promise<string> {
    const [status] = await listProjections(this.store, [projection])
    return String(status?.lag ?? 0n)
  }
}

function behind({ name }: Projection, lag: string, timeoutMs: number): ProblemError {
  return new ProblemError(
    'projection-behind',
    `projection "${name}" did not come to the place of the Consistency-Token within ${timeoutMs} ms, it is ${lag} positions behind the log: try again, or send Prefer: handling=lenient to read what there is`,
    { headers: { 'retry-after': '1' }, members: { lag } },
  )
}

function faulted({ name }: Projection, lag: string): ProblemError {
  return new ProblemError(
    'projection-faulted',
    `projection "${name}" stopped at an error ${lag} positions behind the log, so waiting does not help: read without the Consistency-Token for what there is`,
    { headers: { 'retry-after': '30' }, members: { lag } },
  )
}

function withoutPosition({ name }: Projection): ProblemError {
  return new ProblemError(
    'projection-without-position',
    `projection "${name}" is fed by a consumer group of Kafka, whose offsets cannot be compared with the place of the Consistency-Token: read without it, or send Prefer: handling=lenient, for what there is`,
  )
}
