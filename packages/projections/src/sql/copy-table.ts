import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { Projection } from '../define-projection.js'
import { inReadSchema, quoted } from '../names.js'

export interface TablesToCopy {
  /** Without their schema. */
  readonly from: string
  readonly to: string
  /** Where the rows are. */
  readonly position: bigint
}

const parkedColumns =
  'position, shard, projection, status, event_id, stream_id, tenant, version, type, keys, error_code, error, stack, fingerprint, attempts, reason'

const copyParked: Statement = {
  name: 'copy-parked-events',
  text: (schema) => `
with copied as (
  insert into ${schema}.parked_events (consumer, ${parkedColumns}) select $2, ${parkedColumns} from ${schema}.parked_events where consumer = $1
), marks as (
  insert into ${schema}.parked_rows (consumer, key, position, shard) select $2, key, position, shard from ${schema}.parked_rows where consumer = $1
)
update ${schema}.projections set copied_at = $3, refolded_to = rebuild_from - 1 where table_name = $2`,
}

/** Copies the rows of one table into another, and what they lack, and notes from where. */
export async function copyTable(
  database: Database,
  { columns }: Projection,
  { from, to, position }: TablesToCopy,
): Promise<void> {
  const names = columns.map(({ column }) => quoted(column)).join(', ')
  const copyRows: Statement = {
    name: 'unnamed',
    text: (schema) =>
      `insert into ${inReadSchema(schema, to)} (${names}) select ${names} from ${inReadSchema(schema, from)}`,
  }
  await run({ ...database, prepare: false }, copyRows, [])
  await run(database, copyParked, [from, to, position])
}

const selectRefold: Statement = {
  name: 'select-refold',
  text: (schema) => `select copied_at, refolded_to from ${schema}.projections where table_name = $1`,
}

/** Where the copied rows of a build were, and up to where the events are whose rows were folded again; undefined before they were copied. */
export async function selectRefoldProgress(
  database: Database,
  table: string,
): Promise<{ readonly copiedAt: bigint; readonly refoldedTo: bigint } | undefined> {
  const [row] = await run<[string | null, string | null]>(database, selectRefold, [table])
  const [copiedAt, refoldedTo] = row ?? []
  return copiedAt == null ? undefined : { copiedAt: BigInt(copiedAt), refoldedTo: BigInt(refoldedTo ?? 0) }
}

const updateRefold: Statement = {
  name: 'update-refold',
  text: (schema) =>
    `update ${schema}.projections set refolded_to = $2, updated_at = clock_timestamp() where table_name = $1`,
}

/** Notes that the rows of all events up to a position were folded again. */
export async function updateRefoldProgress(database: Database, table: string, refoldedTo: bigint): Promise<void> {
  await run(database, updateRefold, [table, refoldedTo])
}
