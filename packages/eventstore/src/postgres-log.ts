import type { Database } from './database.js'
import { FilteredReader } from './filtered-read.js'
import type { LogBatch, LogSource, ReadLogOptions } from './log-source.js'
import { selectEpoch } from './sql/select-epoch.js'
import { selectHead, type Head } from './sql/select-head.js'
import { selectLastEventId } from './sql/select-last-event-id.js'
import type { Tenancy } from './tenancy.js'
import { verifyAssumptions, verifyCluster } from './verify-store.js'
import type { Wakeup } from './wakeup.js'

/** The log in Postgres, read up to the safe head. One head for all subscriptions of a process: reading it is their common cost. */
export class PostgresLog implements LogSource {
  private known: Head = { position: 0n, lastPosition: 0n, heldBackByPid: undefined }
  private reading: Promise<Head> | undefined
  private proven = false
  private cluster: string | undefined

  private readonly filtered: FilteredReader

  constructor(
    private readonly database: Database,
    private readonly wakeup: Wakeup,
    tenancy: Tenancy,
  ) {
    this.filtered = new FilteredReader(database, tenancy)
    wakeup.onWake(() => (this.reading = undefined))
  }

  /** Callers that come while the head is being read for others get the next one: theirs must not be older than their call. */
  async head(): Promise<Head> {
    const head = await selectHead(this.database)
    // A head is true for as long as its log, so an older answer that comes late does not take it back. But a log that ends before it is another one, of a
    // standby that was promoted or of a backup: what was known of the lost one could lead past events that are not committed here yet.
    const wentBack = head.lastPosition < this.known.position
    const older = head.position < this.known.position
    this.known = older && !wentBack ? { ...head, position: this.known.position } : head
    return this.known
  }

  async read({ after, upTo, limit, ...filter }: ReadLogOptions): Promise<LogBatch> {
    // A head that is known already spares a look; whether it is the newest can only a fresh one tell.
    const stale = this.known.position > after
    const bound = stale ? this.known.position : (await this.sharedHead()).position
    const target = upTo !== undefined && upTo < bound ? upTo : bound
    if (target <= after) return { events: [], through: after, atHead: true }
    const page = await this.filtered.read({ after, upTo: target, limit, ...filter })
    return { ...page, atHead: page.through === bound && !stale }
  }

  onAdvance(listener: () => void): () => void {
    return this.wakeup.onWake(listener)
  }

  async verify(): Promise<void> {
    if (!this.proven) await verifyAssumptions(this.database)
    this.proven = true
    const cluster = await verifyCluster(this.database, this)
    // What was known of the log on another timeline is not true of this one, which may end earlier.
    if (cluster !== this.cluster) this.known = { position: 0n, lastPosition: 0n, heldBackByPid: undefined }
    this.cluster = cluster
  }

  epoch(): Promise<string> {
    return selectEpoch(this.database)
  }

  lastEventId(position: bigint): Promise<string | undefined> {
    return selectLastEventId(this.database, position)
  }

  /** Readers that were woken together share one look at the head. */
  private sharedHead(): Promise<Head> {
    if (!this.reading) {
      const reading = this.head()
      this.reading = reading
      const forget = () => {
        if (this.reading === reading) this.reading = undefined
      }
      reading.then(forget, forget)
    }
    return this.reading
  }
}
