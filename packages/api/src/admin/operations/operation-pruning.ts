import type { EventStore, Logger } from '@tidemark/eventstore'
import { deleteEndedOperations } from '../sql/delete-ended-operations.js'

const everyMs = 60 * 60_000
const atOnce = 100

/** Removes operations that ended long ago; what the audit says of them stays. */
export class OperationPruning {
  private dueAt = 0

  constructor(
    private readonly store: Pick<EventStore, 'database'>,
    private readonly options: { readonly retentionMs: number; readonly logger: Logger },
  ) {}

  /** Removes some where it is time to; every process may, for none waits for another. Never rejects. */
  async look(): Promise<void> {
    if (performance.now() < this.dueAt) return
    const { retentionMs, logger } = this.options
    const deleted = await deleteEndedOperations(this.store.database, retentionMs, atOnce).catch((error: unknown) => {
      logger.warn({ err: error }, 'operations that ended long ago cannot be removed; tried again in an hour')
      return 0
    })
    this.dueAt = deleted === atOnce ? 0 : performance.now() + everyMs
  }
}
