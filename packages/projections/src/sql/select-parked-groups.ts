import { run, type Database, type Statement } from '@tidemark/eventstore'

/** Failures that are alike. */
export interface ParkedGroup {
  readonly projection: string
  readonly fingerprint: string
  readonly type: string
  /** What one of them met. */
  readonly error: string
  readonly failed: number
  readonly streams: number
  /** How many later events wait for them. */
  readonly blocked: number
  readonly firstPosition: bigint
  readonly lastAt: Date
}

const statement: Statement = {
  name: 'select-parked-groups',
  text: (schema) => `
select f.projection, f.fingerprint, f.type, min(f.error), count(distinct (f.consumer, f.position)), count(distinct (f.tenant, f.stream_id)),
       count(distinct (b.consumer, b.position)) filter (where b.position is not null), min(f.position), extract(epoch from max(f.updated_at)) * 1000
  from ${schema}.parked_events f
  left join ${schema}.parked_events b
    on b.consumer = f.consumer and b.stream_id = f.stream_id and b.tenant is not distinct from f.tenant and b.status = 'blocked' and b.position > f.position
 where f.status = 'failed' and ($1::text is null or f.projection = $1)
 group by f.projection, f.fingerprint, f.type
 order by 5 desc, f.projection, f.fingerprint`,
}

type GroupRow = [
  ...[projection: string, fingerprint: string, type: string, error: string, failed: string],
  ...[streams: string, blocked: string, firstPosition: string, lastAt: string],
]

export async function selectParkedGroups(database: Database, projection: string | undefined): Promise<ParkedGroup[]> {
  const rows = await run<GroupRow>(database, statement, [projection ?? null])
  return rows.map(([name, fingerprint, type, error, failed, streams, blocked, firstPosition, lastAt]) => ({
    ...{ projection: name, fingerprint, type, error },
    ...{ failed: Number(failed), streams: Number(streams), blocked: Number(blocked) },
    firstPosition: BigInt(firstPosition),
    lastAt: new Date(Number(lastAt)),
  }))
}
