import { setImmediate } from 'node:timers/promises'
import type { Database } from '@tidemark/eventstore'
import { touchedRows, type LivePlace, type ProjectionStore, type RowKey } from '@tidemark/projections'
import { ProblemError } from '../../errors.js'
import { notBuilt, type Served } from '../read-context.js'
import { selectRows } from '../sql/select-rows.js'
import { LiveBatch } from './live-batch.js'
import type { LiveConnection, ResetReason } from './live-connection.js'
import { RecentChanges } from './recent-changes.js'
import { tagOf, type ResumePoint } from './resume-point.js'

/** How many changes are remembered, and how many positions of the log are read for one who comes back or for a table that leaps. */
const reach = 10_000
const eventsAtOnce = 1000
const followedForMs = 1000

/**
 * Follows the live table of one projection for all who watch its rows in this process.
 *
 * Which rows changed is told by the log, read up to where all shards of the table have come; what they are now, by the table. A row may be newer than the
 * position that it is told at, and is told again then.
 */
export class LiveProjection {
  readonly connections = new Set<LiveConnection>()
  /** How many connections there are, those on their way in included. */
  users = 0
  private place: LivePlace | undefined
  private epoch = ''
  private through = 0n
  private recent = new RecentChanges(0n, reach)
  private headBefore = 0n
  private followedAt = -Infinity
  private following: Promise<void> | undefined
  private turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly store: ProjectionStore,
    private readonly database: Database,
    readonly served: Served,
  ) {}

  get tag(): string {
    return tagOf(this.place?.revision ?? '', this.epoch)
  }

  /** Lets a connection in, at its resume point where that can be served. */
  add(connection: LiveConnection, resume: ResumePoint | undefined): void {
    if (!resume) connection.reset = 'start'
    else if (resume.tag !== this.tag) connection.reset = 'rows-replaced'
    connection.through = resume && resume.position < this.through ? resume.position : this.through
    this.connections.add(connection)
  }

  /**
   * Takes note of where the table is now, and tells everybody what changed; true when not all has been told yet.
   *
   * @throws {ProblemError} `projection-not-built`, `projection-without-position`: it cannot be watched.
   */
  async look(place: LivePlace | undefined, epoch: string): Promise<boolean> {
    return this.inTurn(async () => {
      await this.moveTo(place, epoch)
      return this.deliver()
    })
  }

  /** Brings what is known of changes to where the table is; who comes meanwhile shares it. See {@link look} for what it throws. */
  follow(look: () => Promise<readonly [LivePlace | undefined, string]>): Promise<void> {
    return (this.following ??= this.inTurn(async () => this.moveTo(...(await look()))).finally(() => {
      this.following = undefined
    }))
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work)
    this.turn = done.catch(() => undefined)
    return done
  }

  /** Whether it was seen lately that it can be watched: who comes then need not look. */
  get isFollowed(): boolean {
    return performance.now() - this.followedAt < followedForMs
  }

  private async moveTo(place: LivePlace | undefined, epoch: string): Promise<void> {
    this.followedAt = -Infinity
    const { model } = this.served
    if (place?.version !== model.version) throw notBuilt(model.name)
    if (place.fedBy !== undefined) throw withoutPosition(model.name)
    const same = this.place?.revision === place.revision && this.epoch === epoch && place.position >= this.through
    if (!same) {
      this.place = place
      this.epoch = epoch
      this.startAt(place.position, 'rows-replaced')
    } else if (place.position - this.through > reach) {
      this.startAt(place.position, 'too-far-behind')
    } else {
      await this.readTo(place.position)
    }
    this.followedAt = performance.now()
  }

  /** Tells who watches how far the table is behind: only what stays behind what was the head one look ago is told, for a moment's lag is none. */
  tellLag(head: bigint): void {
    const behind = this.through < this.headBefore
    this.headBefore = head
    const lag = behind && head > this.through ? head - this.through : 0n
    for (const connection of this.connections) connection.tellLag(lag)
  }

  private startAt(position: bigint, reason: ResetReason): void {
    this.through = position
    this.recent = new RecentChanges(position, reach)
    for (const connection of this.connections) connection.reset ??= reason
  }

  private async readTo(position: bigint): Promise<void> {
    while (this.through < position) {
      const range = { after: this.through, upTo: position, limit: eventsAtOnce }
      const { touched, through, certain } = await touchedRows(this.store, this.served.projection, range)
      if (!certain) return this.startAt(position, 'rows-replaced')
      if (through <= this.through) return
      this.recent.append(touched)
      this.through = through
    }
  }

  /** Makes the recent changes begin at a position; false when it is too far back. */
  private async reachBackTo(position: bigint): Promise<boolean> {
    const { recent } = this
    if (position >= recent.since) return true
    if (recent.since - position > reach) return false
    const older = []
    for (let after = position; after < recent.since;) {
      const range = { after, upTo: recent.since, limit: eventsAtOnce }
      const { touched, through, certain } = await touchedRows(this.store, this.served.projection, range)
      if (!certain || through <= after) return false
      older.push(...touched)
      after = through
    }
    return recent.prepend(older, position)
  }

  private async deliver(): Promise<boolean> {
    const open = [...this.connections].filter(({ blockedMs }) => blockedMs === undefined)
    for (const connection of open) {
      if (!connection.reset && !(await this.reachBackTo(connection.through))) connection.reset = 'too-far-behind'
      connection.tellReset(this.pointAt(this.through))
    }
    const waiting = open
      .filter(({ through, wantsRow }) => wantsRow || through < this.through)
      .sort((a, b) => (a.through < b.through ? -1 : 1))
    if (waiting.length === 0) return false
    const batch = new LiveBatch(this.recent, waiting, this.through)
    const rows = await selectRows(this.database, this.served.model, [...batch.keys])
    const key = this.served.model.key.property
    const byKey = new Map(rows.map((row) => [row[key] as RowKey, row]))
    for (let hearing: readonly LiveConnection[] = batch.connections; hearing.length > 0;) {
      const unfinished = hearing.filter((connection) =>
        batch.tell(connection, byKey, (position) => this.pointAt(position)),
      )
      // Writes that the kernel takes at once are through by then; the others wait, and their connections go on from where they are.
      await setImmediate()
      hearing = unfinished.filter(({ blockedMs }) => blockedMs === undefined)
    }
    return batch.connections.length < waiting.length || waiting.some(({ through }) => through < this.through)
  }

  private pointAt(position: bigint): ResumePoint {
    return { position, tag: this.tag }
  }
}

function withoutPosition(name: string): ProblemError {
  return new ProblemError(
    'projection-without-position',
    `projection "${name}" is fed by a consumer group of Kafka, so that no position tells which of its rows changed: read it from time to time instead`,
  )
}
