import type { Database } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { Standing } from './load-aggregate.js'
import type { Logger } from './logger.js'
import { isSnapshotDue } from './snapshot-policy.js'
import { upsertSnapshot } from './sql/upsert-snapshot.js'
import { assertStorable } from './stored-value.js'

/**
 * Writes snapshots beside the commands, never before their answer.
 *
 * A snapshot that cannot be written is a loss of speed and of nothing else, so failures are logged and counted.
 */
export class SnapshotWriter {
  /** Snapshots that could not be written since the start. */
  failures = 0
  private readonly writing = new Map<string, Promise<void>>()

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    private readonly now: () => Date,
  ) {}

  /** Starts to write a snapshot if one is due after a command that appended so many events. */
  offer(aggregate: AnyAggregate, streamId: string, standing: Standing<unknown>, appended: number): void {
    const policy = aggregate.snapshot
    if (!policy || standing.lastEventId === undefined || this.writing.has(streamId)) return
    if (!isSnapshotDue(policy, standing, appended, this.now)) return
    const write = this.write(aggregate.name, streamId, policy.version, standing, standing.lastEventId).finally(() => {
      this.writing.delete(streamId)
    })
    this.writing.set(streamId, write)
  }

  /** Waits for the snapshots that are being written. */
  async flush(): Promise<void> {
    await Promise.all(this.writing.values())
  }

  private async write(
    aggregate: string,
    streamId: string,
    snapshotVersion: number,
    standing: Standing<unknown>,
    eventId: string,
  ): Promise<void> {
    try {
      assertStorable(standing.state)
      const state = JSON.stringify(standing.state)
      const row = { streamId, snapshotVersion, version: standing.version, eventId, state }
      await upsertSnapshot(this.database, row, standing.forgotten?.size)
    } catch (error) {
      this.failures++
      this.logger.warn(
        { err: error, streamId, aggregate },
        'a snapshot could not be written; loads of this stream read more events',
      )
    }
  }
}
