import { run, type Database, type Statement } from '../database.js'

// The rows' snapshot is older than the sequence's value, so a position that the first sees was taken before the second was read.
const statement: Statement = {
  name: 'select-store-facts',
  text: (schema) => `
select s.seqcache, s.seqcycle, s.seqincrement, a.attidentity,
       (select t.tgenabled from pg_trigger t
         where t.tgrelid = a.attrelid and t.tgname = 'events_fence' and t.tgfoid = '${schema}.fence_append()'::regprocedure
           and t.tgtype = 6),
       (select max(position) from ${schema}.events),
       (select last_position from ${schema}.safe_head())
  from pg_attribute a
  left join pg_sequence s on s.seqrelid = pg_get_serial_sequence('${schema}.events', 'position')::regclass
 where a.attrelid = '${schema}.events'::regclass and a.attname = 'position'`,
}

/** What the proof of the safe head rests on. */
export interface StoreFacts {
  /** How many positions a session takes at once. */
  readonly cache: bigint | undefined
  readonly cycles: boolean
  readonly increment: bigint | undefined
  /** `a`: nobody chooses positions but the sequence. */
  readonly identity: string
  /** `A`: fires for everybody; undefined where there is no fence before each statement. */
  readonly fence: string | undefined
  readonly maxPosition: bigint
  /** The last value of the sequence. */
  readonly lastPosition: bigint
}

/** Reads what the safe head's proof rests on, from the catalogs. */
export async function selectStoreFacts(database: Database): Promise<StoreFacts> {
  type Row = [
    cache: string | null,
    cycles: string | null,
    increment: string | null,
    identity: string,
    fence: string | null,
    maxPosition: string | null,
    lastPosition: string,
  ]
  const [row] = await run<Row>(database, statement, [])
  const [cache, cycles, increment, identity, fence, maxPosition, lastPosition] = row ?? [
    null,
    null,
    null,
    '',
    null,
    null,
    '0',
  ]
  return {
    cache: cache === null ? undefined : BigInt(cache),
    cycles: cycles === 't',
    increment: increment === null ? undefined : BigInt(increment),
    identity,
    fence: fence ?? undefined,
    maxPosition: BigInt(maxPosition ?? 0),
    lastPosition: BigInt(lastPosition),
  }
}
