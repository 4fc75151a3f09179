import { run, type Database, type Statement } from '@tidemark/eventstore'

/** An event that a bridge has set aside. */
export interface ParkedRecord {
  readonly bridge: string
  readonly position: bigint
  /** `failed` at something of its own, or `blocked` by an earlier one of its key or stream. */
  readonly status: 'failed' | 'blocked'
  readonly eventId: string
  readonly tenant: string | undefined
  readonly streamId: string
  readonly version: bigint
  readonly type: string
  /** The key of its record; undefined where it could not be made. */
  readonly key: string | undefined
  /** What it failed at; undefined for one that is blocked. */
  readonly error: { readonly code: string | undefined; readonly message: string } | undefined
  /** How often it was tried. */
  readonly attempts: number
  readonly parkedAt: Date
}

/** Which parked events are meant; those of all bridges if empty. */
export interface ParkedRecordSelection {
  readonly bridge?: string
  readonly key?: string
  readonly status?: ParkedRecord['status']
}

export interface ParkedRecordPage {
  readonly limit: number
  /** Read what comes after this position. */
  readonly after?: bigint
}

const statement: Statement = {
  name: 'select-parked-records',
  text: (schema) => `
select bridge, position, status, event_id, tenant, stream_id, version, type, key, error_code, error, attempts, extract(epoch from parked_at) * 1000
  from ${schema}.parked_records
 where ($1::text is null or bridge = $1) and ($2::text is null or key = $2) and ($3::text is null or status = $3)
   and position > $4
 order by position, bridge
 limit $5`,
}

type Row = [
  ...[bridge: string, position: string, status: ParkedRecord['status'], eventId: string, tenant: string | null],
  ...[streamId: string, version: string, type: string, key: string | null, code: string | null, error: string | null],
  ...[attempts: string, parkedAt: string],
]

/** Reads parked events in the order of the log. */
export async function selectParkedRecords(
  database: Database,
  { bridge, key, status }: ParkedRecordSelection,
  { limit, after = 0n }: ParkedRecordPage,
): Promise<ParkedRecord[]> {
  const values = [bridge ?? null, key ?? null, status ?? null, after, limit]
  const rows = await run<Row>(database, statement, values)
  return rows.map((row) => {
    const [of, position, is, eventId, tenant, streamId, version, type, recordKey, code, error, attempts, parkedAt] = row
    return {
      ...{ bridge: of, position: BigInt(position), status: is, eventId, tenant: tenant ?? undefined, streamId },
      ...{ version: BigInt(version), type, key: recordKey ?? undefined, attempts: Number(attempts) },
      error: error === null ? undefined : { code: code ?? undefined, message: error },
      parkedAt: new Date(Number(parkedAt)),
    }
  })
}
