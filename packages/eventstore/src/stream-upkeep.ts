import type { Pool } from 'pg'
import type { Database, Queryable } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { RecordedEvent } from './event.js'
import { forget, type ForgetOptions, type ForgetResult } from './personal-data/forget-subject.js'
import { hasPersonalData } from './personal-data/personal-events.js'
import type { Vault } from './personal-data/vault.js'
import type { Tenancy } from './tenancy.js'
import { truncateAndArchive, type TruncateOptions, type TruncateResult } from './truncate-stream.js'

/** What is done with streams besides appending and reading, by people and by jobs. */
export abstract class StreamUpkeep {
  abstract readonly pool: Pool
  abstract readonly database: Database
  protected abstract readonly vault: Vault
  protected abstract readonly tenancy: Tenancy

  /**
   * Deletes the events of a stream below a version, after archiving them where `archive` is given; a tombstone stays.
   *
   * Versions and positions are not used again, ids of deleted events are forgotten. The aggregate loads from its snapshot afterwards, which is why
   * one must stand at `beforeVersion - 1` or later. Truncated before that version already: nothing happens. Needs the maintainer role.
   *
   * @throws {TruncationRefusedError} the stream would be lost, or somebody has not read the events yet: nothing was deleted.
   *
   * @example
   * await store.truncateStream('counter-c-1', { beforeVersion: 500, reason: 'kept for a year', aggregate: Counter })
   */
  async truncateStream(streamId: string, options: TruncateOptions): Promise<TruncateResult> {
    await this.tenancy.admit(this.database.tenant)
    return truncateAndArchive(this.database, streamId, options)
  }

  /**
   * Forgets a data subject for good: its key and the snapshots of its streams are deleted, and reads give what each field declares instead.
   *
   * Safe to call again: it completes what an earlier call left. Needs the maintainer role. Read models show the data until they are rebuilt.
   *
   * @example
   * const { streamIds } = await store.forgetSubject('customer-7', { reason: 'request 118' })
   */
  async forgetSubject(subject: string, options: ForgetOptions): Promise<ForgetResult> {
    await this.tenancy.admit(this.database.tenant)
    return forget(this.database, this.pool, this.vault, subject, options)
  }

  /**
   * Decrypts the personal data of events as the log gives them, and puts the replacement where its subject was forgotten.
   *
   * Events of aggregates without personal data come back as they are, without a query. `queryable` is the transaction that the look-ups join.
   *
   * @throws {PersonalDataUnreadableError} a key is missing although nobody forgot its subject.
   *
   * @example
   * const events = await store.reveal([Counter], await store.readStream('counter-c-1'))
   */
  async reveal(
    aggregates: readonly AnyAggregate[],
    events: readonly RecordedEvent[],
    queryable: Queryable = this.pool,
  ): Promise<readonly RecordedEvent[]> {
    if (!aggregates.some(hasPersonalData)) return events
    await this.tenancy.admitSubjects(this.database.tenant, queryable)
    return this.vault.reveal(events, { queryable })
  }
}
