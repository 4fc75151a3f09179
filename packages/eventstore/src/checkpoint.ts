import { on, run, type Database, type Queryable } from './database.js'
import { CheckpointLostError, LogMismatchError } from './errors.js'
import type { LogSource } from './log-source.js'
import * as statements from './sql/checkpoint-statements.js'

/** A place in the log, with what proves later that the log is still the same. */
export interface CheckpointPlace {
  readonly position: bigint
  /** The last event at or below the position; undefined before the first one. */
  readonly eventId: string | undefined
  readonly epoch: string | undefined
}

/** A checkpoint that the caller owns. Ownership is for saving work; safety is the compare-and-set of {@link Checkpoint.advance}. */
export class Checkpoint {
  private constructor(
    private readonly database: Database,
    readonly name: string,
    readonly ownerEpoch: bigint,
    private readonly leaseMs: number,
    private current: CheckpointPlace,
  ) {}

  /**
   * Takes a checkpoint, making it at position 0 where it is missing; undefined while another owner's lease runs.
   *
   * Each take raises the owner epoch, so that whoever had it before can no longer move it.
   */
  static async claim(
    database: Database,
    name: string,
    { owner, leaseMs }: { readonly owner: string; readonly leaseMs: number },
  ): Promise<Checkpoint | undefined> {
    const [row] = await run<[string, string | null, string | null, string]>(database, statements.claimCheckpoint, [
      name,
      owner,
      leaseMs,
    ])
    if (!row) return undefined
    const [position, eventId, epoch, ownerEpoch] = row
    const place = { position: BigInt(position), eventId: eventId ?? undefined, epoch: epoch ?? undefined }
    return new Checkpoint(database, name, BigInt(ownerEpoch), leaseMs, place)
  }

  get place(): CheckpointPlace {
    return this.current
  }

  /**
   * Makes sure that the log still holds the event that the checkpoint was made on, at the same position.
   *
   * @throws {LogMismatchError} it does not: the log was restored to an earlier point.
   */
  async verify(source: LogSource): Promise<void> {
    const reason = await checkpointMisfit(source, this.current)
    if (reason !== undefined) throw new LogMismatchError(this.name, this.current.position, reason)
  }

  /**
   * Moves the checkpoint forward within the caller's transaction, and renews the lease.
   *
   * Call {@link Checkpoint.committed} once that transaction is committed.
   *
   * @throws {CheckpointLostError} another owner has it, or it moved: the transaction must be rolled back.
   */
  async advance(transaction: Queryable, to: CheckpointPlace): Promise<void> {
    const values = [
      this.name,
      this.ownerEpoch,
      this.current.position,
      to.position,
      to.eventId ?? null,
      to.epoch ?? null,
      this.leaseMs,
    ]
    const rows = await run(on(this.database, transaction), statements.advanceCheckpoint, values)
    if (rows.length === 0) throw new CheckpointLostError(this.name)
  }

  /** Notes that the transaction of an {@link Checkpoint.advance} was committed. */
  committed(to: CheckpointPlace): void {
    this.current = to
  }

  /** @throws {CheckpointLostError} */
  async renewLease(): Promise<void> {
    const rows = await run(this.database, statements.renewCheckpoint, [this.name, this.ownerEpoch, this.leaseMs])
    if (rows.length === 0) throw new CheckpointLostError(this.name)
  }

  /** Gives the lease back, so that the next owner need not wait for its end. */
  async release(): Promise<void> {
    await run(this.database, statements.releaseCheckpoint, [this.name, this.ownerEpoch])
  }

  /** Notes why the subscriber does not get on; the next {@link Checkpoint.advance} takes it away. */
  async fail(reason: string): Promise<void> {
    await run(this.database, statements.failCheckpoint, [this.name, this.ownerEpoch, reason.slice(0, 2000)])
  }
}

/** Why a log is not the one that a place was noted on; undefined when it is. */
export async function checkpointMisfit(
  source: LogSource,
  { position, eventId }: CheckpointPlace,
): Promise<string | undefined> {
  if (position === 0n || eventId === undefined) return undefined
  const [found, head] = [await source.lastEventId(position), await source.head()]
  if (head.lastPosition < position) return `the log ends at position ${head.lastPosition}`
  return found === eventId ? undefined : `event ${eventId} is not where it was`
}

/** A checkpoint as it is in the database. */
export interface CheckpointStatus extends CheckpointPlace {
  readonly name: string
  readonly owner: string | undefined
  readonly leaseUntil: Date | undefined
  readonly error: string | undefined
  readonly updatedAt: Date
}

type StatusRow = [
  name: string,
  position: string,
  eventId: string | null,
  epoch: string | null,
  owner: string | null,
  ownerEpoch: string,
  leaseUntil: string | null,
  error: string | null,
  updatedAt: string,
]

/** The checkpoints whose name starts with `prefix`. */
export async function listCheckpoints(database: Database, prefix = ''): Promise<CheckpointStatus[]> {
  const rows = await run<StatusRow>(database, statements.selectCheckpoints, [prefix])
  return rows.map(([name, position, eventId, epoch, owner, , leaseUntil, error, updatedAt]) => ({
    name,
    position: BigInt(position),
    eventId: eventId ?? undefined,
    epoch: epoch ?? undefined,
    owner: owner ?? undefined,
    leaseUntil: leaseUntil === null ? undefined : new Date(Number(leaseUntil) * 1000),
    error: error ?? undefined,
    updatedAt: new Date(Number(updatedAt) * 1000),
  }))
}
