import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'set-up-batch',
  text: () => `
select set_config('idle_in_transaction_session_timeout', $1, true), set_config('synchronous_commit', $2, true)`,
}

export interface BatchSettings {
  /** Postgres ends the transaction once the program leaves it idle for so long. */
  readonly idleMs: number
  /** Whether COMMIT waits for the disk. Without that a crash of Postgres may take back the last batches, rows and checkpoint alike. */
  readonly commit: 'durable' | 'relaxed'
}

/**
 * Sets up the caller's transaction for a batch.
 *
 * A process that is paused in the middle of a batch holds the lock on its checkpoint: without the limit nobody could take over from it.
 */
export async function setUpBatch(database: Database, { idleMs, commit }: BatchSettings): Promise<void> {
  await run(database, statement, [String(Math.ceil(idleMs)), commit === 'durable' ? 'on' : 'off'])
}
