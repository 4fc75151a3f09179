import { DatabaseError, logWithin, type Database } from '@tidemark/eventstore'
import { shardsOf } from './names.js'
import { excludeInline, markInline, placeCheckpoints, withdrawCheckpoints } from './sql/inline-statements.js'
import type { RegisteredTable } from './sql/registry-statements.js'
import { selectSafeHead } from './sql/select-safe-head.js'

const patienceMs = 250

/**
 * Keeps the appenders of an inline read model out until the transaction ends, and gives the position to which it must be folded meanwhile.
 *
 * All that appends have folded into the live table is at or below that position, and nothing above it is. Appenders that are not inline may
 * be at work too, so it waits until the head is safe up to there: a short time, for one of them may wait for this transaction.
 *
 * @throws {DatabaseError} an append is open for longer: to be tried again, with the appenders let in meanwhile.
 */
export async function excludeAppends(database: Database, name: string): Promise<bigint> {
  await excludeInline(database, name)
  const deadline = performance.now() + patienceMs
  const { last, safe } = await selectSafeHead(database)
  for (let reached = safe; reached < last; { safe: reached } = await selectSafeHead(database)) {
    if (performance.now() > deadline)
      throw new DatabaseError(
        'lock-timeout',
        undefined,
        `an append that was open before position ${last} is still open`,
        {},
      )
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return last
}

/**
 * Keeps the consumers that feed a read model out until the transaction ends, and gives a position that is no lower than any event in its rows: bridges
 * publish what is safe to read.
 */
export async function excludeConsumers(log: Database, database: Database, name: string): Promise<bigint> {
  await excludeInline(database, name)
  return (await selectSafeHead(log)).safe
}

type Table = Pick<RegisteredTable, 'table' | 'shards'>

const checkpointsOf = ({ table, shards }: Table) => shardsOf(table, shards).map(({ checkpoint }) => checkpoint)

/** Lets appends keep a table that was just switched in, and nobody else: whoever followed it loses its checkpoints. */
export async function handToAppends(database: Database, table: Table): Promise<void> {
  await markInline(database, table.table)
  await withdrawCheckpoints(database, checkpointsOf(table), 'kept by appends')
}

/** Lets a projector follow a table that appends have kept up to a position, for which they are still excluded. */
export async function takeFromAppends(database: Database, table: Table, position: bigint): Promise<void> {
  const log = logWithin(database)
  const place = { position, eventId: await log.lastEventId(position), epoch: await log.epoch() }
  await placeCheckpoints(database, checkpointsOf(table), place)
}
