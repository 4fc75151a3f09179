import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'cli/select-replication-slots',
  text: () => `
select slot_name, active::text, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::text, coalesce(wal_status, '')
  from pg_replication_slots
 order by slot_name`,
}

/** A replication slot: the server keeps all write-ahead log that its reader has not had. */
export interface ReplicationSlot {
  readonly name: string
  /** Whether somebody reads from it now. */
  readonly active: boolean
  readonly heldBytes: number
  /** `lost` once its reader can no longer go on. */
  readonly walStatus: string
}

export async function selectReplicationSlots(database: Database): Promise<ReplicationSlot[]> {
  const rows = await run<[string, string, string, string]>(database, statement, [])
  return rows.map(([name, active, held, walStatus]) => ({
    ...{ name, active: active === 'true', heldBytes: Number(held), walStatus },
  }))
}
