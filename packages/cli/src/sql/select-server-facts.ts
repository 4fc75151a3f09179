import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'cli/select-server-facts',
  text: (schema) => `
select extract(epoch from clock_timestamp()) * 1000,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('autovacuum'),
       age(c.relfrozenxid),
       (select json_object_agg(split_part(o, '=', 1), split_part(o, '=', 2)) from unnest(c.reloptions) o)
  from pg_class c
 where c.oid = '${schema}.events'::regclass`,
}

/** What a server and the table of events are set to. */
export interface ServerFacts {
  /** The database's clock, in milliseconds since 1970. */
  readonly clockMs: number
  /** How many connections those have who are no superusers. */
  readonly maxConnections: number
  readonly connections: number
  readonly autovacuum: boolean
  /** The age of the oldest transaction id in the table of events. */
  readonly frozenAge: number
  /** The storage parameters of the table of events. */
  readonly tableOptions: Readonly<Record<string, string>>
}

export async function selectServerFacts(database: Database): Promise<ServerFacts> {
  type Row = [clockMs: string, max: string, used: string, autovacuum: string, frozenAge: string, options: string | null]
  const [row] = await run<Row>(database, statement, [])
  const [clockMs, max, used, autovacuum, frozenAge, options] = row ?? ['0', '0', '0', 'on', '0', null]
  return {
    clockMs: Number(clockMs),
    maxConnections: Number(max),
    connections: Number(used),
    autovacuum: autovacuum === 'on',
    frozenAge: Number(frozenAge),
    tableOptions: JSON.parse(options ?? '{}') as Record<string, string>,
  }
}
