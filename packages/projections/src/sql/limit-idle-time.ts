import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'limit-idle-time',
  text: () => `select set_config('idle_in_transaction_session_timeout', $1, true)`,
}

/**
 * Lets Postgres end the caller's transaction once the program leaves it idle for so long.
 *
 * A process that is paused in the middle of a batch holds the lock on its checkpoint: without this nobody could take over from it.
 */
export async function limitIdleTime(database: Database, milliseconds: number): Promise<void> {
  await run(database, statement, [String(Math.ceil(milliseconds))])
}
