import type { Database } from '@tidemark/eventstore'
import { selectReplicationSlots } from '../sql/select-replication-slots.js'
import { selectServerFacts, type ServerFacts } from '../sql/select-server-facts.js'
import { failure, fine, orFine, warning, type Finding } from './finding.js'

const mebibyte = 1024 * 1024
const worryingClockMs = 1000

/** The server: its connections, its clock, and how it looks after the table of events. */
export async function checkServer(database: Database): Promise<Finding[]> {
  const askedAt = Date.now()
  const facts = await selectServerFacts(database)
  const middle = (askedAt + Date.now()) / 2
  return [
    judgeConnections(facts),
    judgeClock(facts.clockMs - middle),
    ...orFine(judgeVacuum(facts, database.schema), 'autovacuum', 'the table of events is looked after'),
  ]
}

/** Exported for tests. */
export function judgeConnections({
  connections,
  maxConnections,
}: Pick<ServerFacts, 'connections' | 'maxConnections'>): Finding {
  const message = `${connections} of ${maxConnections} connections are used`
  const share = connections / maxConnections
  if (share < 0.8) return fine('connections', message)
  const remedy = 'raise max_connections, make pools smaller, or put pgbouncer between: see the guide on pooling'
  return share < 0.95 ? warning('connections', message, remedy) : failure('connections', message, remedy)
}

/** Exported for tests: by how much the database's clock is ahead. */
export function judgeClock(aheadMs: number): Finding {
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1)
  if (Math.abs(aheadMs) < worryingClockMs)
    return fine('clock', `the database's clock differs from this machine's by ${seconds} s`)
  const which = aheadMs > 0 ? 'ahead of' : 'behind'
  return warning(
    'clock',
    `the database's clock is ${seconds} s ${which} this machine's: ids of events and recorded times disagree`,
    'let both machines keep time by NTP: `timedatectl set-ntp true`',
  )
}

/** Exported for tests. */
export function judgeVacuum(
  { autovacuum, frozenAge, tableOptions }: Pick<ServerFacts, 'autovacuum' | 'frozenAge' | 'tableOptions'>,
  schema: string,
): Finding[] {
  const findings: Finding[] = []
  const table = `${schema}.events`
  if (!autovacuum)
    findings.push(
      failure(
        'autovacuum',
        'autovacuum is off on the whole server',
        'alter system set autovacuum = on; select pg_reload_conf()',
      ),
    )
  if (/^(off|false|no|0)$/.test(tableOptions['autovacuum_enabled'] ?? ''))
    findings.push(
      failure('autovacuum', `autovacuum is off for ${table}`, `alter table ${table} reset (autovacuum_enabled)`),
    )
  const factor = Number(tableOptions['autovacuum_vacuum_insert_scale_factor'] ?? 0.2)
  if (factor > 0.05)
    findings.push(
      warning(
        'autovacuum',
        `${table} is vacuumed only after it has grown by ${factor * 100} %: a table that only grows then meets one long vacuum`,
        `alter table ${table} set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 0)`,
      ),
    )
  if (frozenAge > 1_000_000_000)
    findings.push(
      failure(
        'autovacuum',
        `${table} has transaction ids that are ${frozenAge} old: Postgres stops all writes at 2,100,000,000`,
        `vacuum (freeze) ${table}`,
      ),
    )
  return findings
}

/** Replication slots that let the server's disk fill up. */
export async function checkSlots(database: Database): Promise<readonly Finding[]> {
  const findings = (await selectReplicationSlots(database)).flatMap(({ name, active, heldBytes, walStatus }) => {
    const held = `${Math.round(heldBytes / mebibyte)} MiB of write-ahead log`
    const drop = `select pg_drop_replication_slot('${name.replaceAll("'", "''")}')`
    if (walStatus === 'lost')
      return [
        failure(
          'replication slots',
          `slot "${name}" has lost log that its reader needs`,
          `make its reader anew, and ${drop}`,
        ),
      ]
    if (active && heldBytes < 1024 * mebibyte) return []
    if (active)
      return [
        warning(
          'replication slots',
          `the reader of slot "${name}" is behind: ${held} is kept for it`,
          'see why its reader is slow',
        ),
      ]
    const message = `nobody reads slot "${name}", and ${held} is kept for it until the disk is full`
    const remedy = `start its reader, or, if there is none any more: ${drop}`
    return [
      heldBytes < 1024 * mebibyte
        ? warning('replication slots', message, remedy)
        : failure('replication slots', message, remedy),
    ]
  })
  return orFine(findings, 'replication slots', 'none holds back write-ahead log')
}
