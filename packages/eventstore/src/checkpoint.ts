import { on, run, type Database, type Queryable, type Statement } from './database.js'
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

const shortestPauseMs = 50
const longestPauseMs = 10_000

type ObtainedRow = [
  position: string,
  eventId: string | null,
  epoch: string | null,
  ownerEpoch: string,
  failures: string,
]

/** A checkpoint that the caller owns. Ownership is for saving work; safety is the compare-and-set of {@link Checkpoint.advance}. */
export class Checkpoint {
  private constructor(
    private readonly database: Database,
    readonly name: string,
    readonly ownerEpoch: bigint,
    readonly leaseMs: number,
    private current: CheckpointPlace,
    private failed: number,
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
    return Checkpoint.obtain(database, name, { owner, leaseMs }, statements.claimCheckpoint)
  }

  /**
   * Takes a checkpoint as {@link Checkpoint.claim} does, and makes none: undefined also where there is none.
   *
   * For one that another process may do away with: made anew it would begin at position 0, beside rows that are there already.
   */
  static async claimExisting(
    database: Database,
    name: string,
    { owner, leaseMs }: { readonly owner: string; readonly leaseMs: number },
  ): Promise<Checkpoint | undefined> {
    return Checkpoint.obtain(database, name, { owner, leaseMs }, statements.claimExistingCheckpoint)
  }

  /**
   * Takes a checkpoint from whoever has it; undefined where there is none.
   *
   * Who had it can no longer move it, and gets it back once the lease ends or is given back.
   */
  static async take(
    database: Database,
    name: string,
    lease: { readonly owner: string; readonly leaseMs: number },
  ): Promise<Checkpoint | undefined> {
    return Checkpoint.obtain(database, name, lease, statements.takeCheckpoint)
  }

  private static async obtain(
    database: Database,
    name: string,
    { owner, leaseMs }: { readonly owner: string; readonly leaseMs: number },
    statement: Statement,
  ): Promise<Checkpoint | undefined> {
    const [row] = await run<ObtainedRow>(database, statement, [name, owner, leaseMs])
    if (!row) return undefined
    const [position, eventId, epoch, ownerEpoch, failures] = row
    const place = { position: BigInt(position), eventId: eventId ?? undefined, epoch: epoch ?? undefined }
    return new Checkpoint(database, name, BigInt(ownerEpoch), leaseMs, place, Number(failures))
  }

  get place(): CheckpointPlace {
    return this.current
  }

  /** How often the batch after this place has failed, restarts included. */
  get failures(): number {
    return this.failed
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
    this.failed = 0
  }

  /** Gives the lease back, so that the next owner need not wait for its end. */
  async release(): Promise<void> {
    await run(this.database, statements.releaseCheckpoint, [this.name, this.ownerEpoch])
  }

  /**
   * Notes why the subscriber does not get on; the next {@link Checkpoint.advance} takes it away.
   *
   * @returns after how many milliseconds the batch may be tried again. The pauses grow with each failure; whoever takes the checkpoint keeps to them.
   */
  async fail(reason: string): Promise<number> {
    const values = [this.name, this.ownerEpoch, reason.slice(0, 2000), shortestPauseMs, longestPauseMs]
    const [row] = await run<[string, string]>(this.database, statements.failCheckpoint, values)
    if (!row) throw new CheckpointLostError(this.name)
    this.failed = Number(row[0])
    return Math.max(Number(row[1]), 1)
  }
}

/** Lets nobody take checkpoints until they are resumed; a batch in work is finished or rolled back. Returns the names of those that were not paused before. */
export async function pauseCheckpoints(
  database: Database,
  names: readonly string[],
  reason: string,
): Promise<string[]> {
  return (await run<[string]>(database, statements.pauseCheckpoints, [names, reason])).map(([name]) => name)
}

/** Lets checkpoints go on at once, whether they were paused or had failed. Returns the names of those that had stood still. */
export async function resumeCheckpoints(database: Database, names: readonly string[]): Promise<string[]> {
  return (await run<[string]>(database, statements.resumeCheckpoints, [names])).map(([name]) => name)
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
