import {
  LogMismatchError,
  type Database,
  type EventStore,
  type Head,
  type LogBatch,
  type ReadLogOptions,
} from '@tidemark/eventstore'
import { selectDurablePosition } from './sql/select-durable-position.js'

const lookAgainMs = 1000

/**
 * The log of another database, for checkpoints that do not share its fate.
 *
 * A checkpoint beside its log is never more durable than the positions that it has passed, since its commit is later in the same write-ahead log. One
 * elsewhere may be: positions that were taken by appends that were rolled back can be given out again after a crash. So here nothing passes the last
 * event that is committed. And one elsewhere stays where it is when the log is restored to an earlier point, which readers past the end notice.
 */
export class FollowedLog {
  private lastPosition = 0n
  private lookedAt = -Infinity

  constructor(
    private readonly log: EventStore['log'],
    private readonly database: Database,
  ) {}

  async head(): Promise<Head> {
    const head = await this.log.head()
    const position = await selectDurablePosition(this.database, head.position)
    return { ...head, position, lastPosition: head.lastPosition > head.position ? head.lastPosition : position }
  }

  async read(options: ReadLogOptions): Promise<LogBatch> {
    const { after, upTo } = options
    const batch = await this.log.read(options)
    if (batch.events.at(-1)?.position === batch.through) return batch
    const through = batch.through > after ? await selectDurablePosition(this.database, batch.through) : after
    if (through > after) return { ...batch, through }
    await this.expectPosition(upTo !== undefined && upTo > after ? upTo : after)
    return { ...batch, through: after }
  }

  onAdvance(listener: () => void): () => void {
    return this.log.onAdvance(listener)
  }

  verify(): Promise<void> {
    return this.log.verify()
  }

  epoch(): Promise<string> {
    return this.log.epoch()
  }

  lastEventId(position: bigint): Promise<string | undefined> {
    return this.log.lastEventId(position)
  }

  /**
   * Makes sure that a position that somebody knows was taken; one look is for all readers of a process, and good for a second.
   *
   * @throws {LogMismatchError} the log ends before it.
   */
  private async expectPosition(position: bigint): Promise<void> {
    if (position <= this.lastPosition && performance.now() - this.lookedAt < lookAgainMs) return
    this.lookedAt = performance.now()
    this.lastPosition = (await this.log.head()).lastPosition
    if (this.lastPosition >= position) return
    throw new LogMismatchError('of read models', position, `the log ends at position ${this.lastPosition}`)
  }
}
