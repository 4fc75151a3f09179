import type { Pool } from 'pg'
import type { Database, Queryable } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { RecordedEvent } from './event.js'
import type { LogSource } from './log-source.js'
import { beginNewEpoch, type NewEpoch, type NewEpochOptions } from './new-epoch.js'
import { forget, type ForgetOptions, type ForgetResult } from './personal-data/forget-subject.js'
import { hasPersonalData } from './personal-data/personal-events.js'
import type { Vault } from './personal-data/vault.js'
import { truncateAndArchive, type TruncateOptions, type TruncateResult } from './truncate-stream.js'

/** What is done with a store besides appending and reading: by people, by jobs, and when a program starts. */
export abstract class StoreUpkeep {
  abstract readonly pool: Pool
  abstract readonly log: LogSource & Required<Pick<LogSource, 'verify'>>
  abstract readonly database: Database
  protected abstract readonly vault: Vault

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
  truncateStream(streamId: string, options: TruncateOptions): Promise<TruncateResult> {
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
  forgetSubject(subject: string, options: ForgetOptions): Promise<ForgetResult> {
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
    return aggregates.some(hasPersonalData) ? this.vault.reveal(events, { queryable }) : events
  }

  /**
   * Makes sure that nothing can be lost here: positions are given out as the safe head needs it, and the log is the one that it was.
   *
   * Subscriptions do it by themselves; programs that only append or read call it when they start. It costs two queries. After a promotion or a restore
   * it compares every checkpoint with the log: when all fit, the epoch stays.
   *
   * @throws {StoreCorruptError} the sequence or the fence is not as it must be. @throws {LogRestoredError} a checkpoint does not fit the log.
   */
  verifyEpoch(): Promise<void> {
    return this.log.verify()
  }

  /**
   * Begins a new epoch after the log was restored to an earlier point: consistency tokens of the old one are refused from then on.
   *
   * Checkpoints that fit the log stay. Those that do not are moved back to `rewindTo`; without it nothing is done. Run it while no writer and no
   * subscriber runs, as the owner of the schema.
   *
   * @throws {LogRestoredError} checkpoints do not fit, and `rewindTo` is missing. @throws {ConfigurationError} it is past the end of the log.
   *
   * @example
   * const { epoch, rewound } = await store.newEpoch({ reason: 'restored to 12:03 after a bad deploy', rewindTo: 48_120n })
   */
  newEpoch(options: NewEpochOptions): Promise<NewEpoch> {
    return beginNewEpoch(this.database, this.pool, this.log, options)
  }
}
