import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-head',
  text: (schema) => `select last_position, safe_position, holder_pid from ${schema}.safe_head()`,
}

/** How far the log may be read. */
export interface Head {
  /** The highest position that is safe to read: nothing at or below it can still be committed. */
  readonly position: bigint
  /** The highest position that was taken, by committed and open transactions. */
  readonly lastPosition: bigint
  /** The backend that holds the head below the last position, by its open append; undefined when nothing does. */
  readonly heldBackByPid: number | undefined
}

/** Reads the safe head; what is read after it in a new statement, up to its position, is complete. */
export async function selectHead(database: Database): Promise<Head> {
  const [row] = await run<[string, string, string | null]>(database, statement, [])
  const [lastPosition, position, pid] = row ?? ['0', '0', null]
  return {
    position: BigInt(position),
    lastPosition: BigInt(lastPosition),
    heldBackByPid: pid === null ? undefined : Number(pid),
  }
}
