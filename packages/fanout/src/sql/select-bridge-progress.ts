import { run, type Database, type Statement } from '@tidemark/eventstore'
import { ofBridge } from './lane-statements.js'

const statement: Statement = {
  name: 'select-bridge-progress',
  text: (schema) => `
select b.name, c.name, c.position, case when c.lease_until > clock_timestamp() then c.owner end, c.error, c.failures,
       c.paused_at is not null, c.pause_reason, extract(epoch from c.retry_at - clock_timestamp()) * 1000,
       extract(epoch from clock_timestamp() - c.updated_at) * 1000,
       p.keys, p.events, (select extract(epoch from clock_timestamp() - e.recorded_at) * 1000 from ${schema}.events e where e.position = p.first)
  from unnest($1::text[]) as b(name)
  left join ${schema}.checkpoints c on ${ofBridge('c.name', 'b.name')}
 cross join lateral (
   select count(distinct coalesce(key, stream_id)) as keys, count(*) as events, min(position) as first
     from ${schema}.parked_records where bridge = b.name
 ) p`,
}

/** How far a bridge is, by what the database knows. */
export interface BridgeProgress {
  /** None where it was never started. */
  readonly lanes: readonly LaneProgress[]
  readonly parkedKeys: number
  readonly parkedEvents: number
  /** How long the first parked event has been in the log; undefined when none is parked, or it was truncated. */
  readonly oldestParkedMs: number | undefined
}

/** How far one of its lanes is. */
export interface LaneProgress {
  readonly checkpoint: string
  readonly position: bigint
  /** The process that has its lease; undefined when nobody has. */
  readonly owner: string | undefined
  readonly error: string | undefined
  /** How often the batch that is next has failed. */
  readonly failures: number
  /** Why it was paused; undefined unless it was. */
  readonly paused: string | undefined
  readonly retryInMs: number | undefined
  /** For how many milliseconds it has not moved. */
  readonly unmovedMs: number
}

type Row = [
  ...[name: string, checkpoint: string | null, position: string | null, owner: string | null, error: string | null],
  ...[failures: string | null, paused: string, reason: string | null, retryInMs: string | null],
  ...[unmovedMs: string | null, keys: string, events: string, oldestMs: string | null],
]

/** Reads how far bridges are, and what they have parked. */
export async function selectBridgeProgress(
  database: Database,
  bridges: readonly string[],
): Promise<Map<string, BridgeProgress>> {
  const rows = await run<Row>(database, statement, [bridges])
  const found = new Map<string, BridgeProgress & { readonly lanes: LaneProgress[] }>()
  for (const row of rows) {
    const [name, checkpoint, position, owner, error, failures, paused, reason, retryInMs, unmovedMs] = row
    const [keys, events, oldestMs] = row.slice(10) as [string, string, string | null]
    const progress = found.get(name) ?? {
      lanes: [],
      parkedKeys: Number(keys),
      parkedEvents: Number(events),
      oldestParkedMs: oldestMs === null ? undefined : Math.max(0, Math.round(Number(oldestMs))),
    }
    found.set(name, progress)
    if (checkpoint === null) continue
    progress.lanes.push({
      checkpoint,
      position: BigInt(position ?? 0),
      owner: owner ?? undefined,
      error: error ?? undefined,
      failures: Number(failures ?? 0),
      paused: paused === 't' ? (reason ?? '') : undefined,
      retryInMs: retryInMs === null ? undefined : Math.max(Number(retryInMs), 0),
      unmovedMs: Number(unmovedMs ?? 0),
    })
  }
  return found
}
