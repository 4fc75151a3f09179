import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { ParkedEvent, ParkedSelection } from '../poison/parked-event.js'

// Parts of one event that several shards lack are one.
const statement: Statement = {
  name: 'select-parked-events',
  text: (schema) => `
with parked as (
  select p.projection, p.consumer, p.position, min(p.status) as status, p.event_id, p.stream_id, p.tenant, p.version, p.type,
         jsonb_agg(p.keys order by p.shard) as keys, min(p.error_code) as error_code, min(p.error) as error, min(p.stack) as stack,
         min(p.fingerprint) as fingerprint, max(p.attempts) as attempts, min(p.reason) as reason, min(p.parked_at) as parked_at
    from ${schema}.parked_events p
   where ($1::text is null or p.projection = $1) and ($2::bigint[] is null or p.position = any($2)) and ($3::text is null or p.fingerprint = $3)
     and ($4::text is null or p.status = $4) and ($5::text is null or p.consumer = $5)
     and ($7::bigint is null or (p.position, p.consumer) > ($7, $8))
   group by p.projection, p.consumer, p.position, p.event_id, p.stream_id, p.tenant, p.version, p.type
   order by p.position, p.consumer
   limit $6
)
select parked.projection, parked.consumer, parked.position, status, event_id, stream_id, version, type, keys, error_code, error, stack, fingerprint,
       attempts, reason, extract(epoch from parked_at) * 1000, tenant,
       case when status = 'failed' then (
         select count(distinct b.position) from ${schema}.parked_events b
          where b.consumer = parked.consumer and b.stream_id = parked.stream_id and b.tenant is not distinct from parked.tenant
            and b.status = 'blocked' and b.position > parked.position
       ) else 0 end
  from parked
 order by parked.position, parked.consumer`,
}

type ParkedRow = [
  ...[projection: string, consumer: string, position: string, status: ParkedEvent['status'], eventId: string],
  ...[streamId: string, version: string, type: string, keys: string, errorCode: string | null, error: string | null],
  ...[stack: string | null, fingerprint: string | null, attempts: string, reason: string | null, parkedAt: string],
  ...[tenant: string | null, blocks: string],
]

/** Which of the parked events are read. */
export interface ParkedPage {
  readonly limit: number
  /** Only what comes after this event, in the order of position and consumer. */
  readonly after?: Pick<ParkedEvent, 'position' | 'consumer'>
}

/** Reads parked events in the order of the log, at most `limit`. */
export async function selectParked(
  database: Database,
  { projection, positions, fingerprint, status }: ParkedSelection,
  { consumer, limit, after }: ParkedPage & { readonly consumer?: string },
): Promise<ParkedEvent[]> {
  const rows = await run<ParkedRow>(database, statement, [
    ...[projection ?? null, positions ?? null, fingerprint ?? null, status ?? null, consumer ?? null, limit],
    ...[after?.position ?? null, after?.consumer ?? null],
  ])
  return rows.map((row) => {
    const [name, of, position, is, eventId, streamId, version, type, keys, code, error, stack, print] = row
    const [attempts, reason, parkedAt, tenant, blocks] = row.slice(13) as [
      string,
      string | null,
      string,
      string | null,
      string,
    ]
    return {
      ...{ projection: name, consumer: of, position: BigInt(position), status: is, eventId, streamId },
      ...{ tenant: tenant ?? undefined, version: BigInt(version), type },
      keys: (JSON.parse(keys) as string[][]).flat(),
      error:
        error === null
          ? undefined
          : { code: code ?? undefined, message: error, stack: stack ?? undefined, fingerprint: print ?? '' },
      ...{ attempts: Number(attempts), blocks: Number(blocks), reason: reason ?? undefined },
      parkedAt: new Date(Number(parkedAt)),
    }
  })
}
