import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'can-read-log',
  text: (schema) => `
select coalesce(bool_and(c.oid is not null and has_table_privilege(c.oid, 'select')), false)
  from unnest(array['events', 'projections', 'checkpoints']) as t(name)
  left join pg_class c on c.oid = to_regclass('${schema}.' || t.name)`,
}

/** Whether the role of a connection sees the log and the checkpoints, and not the read models alone. */
export async function canReadLog(database: Database): Promise<boolean> {
  const [row] = await run<[string]>(database, statement, [])
  return row?.[0] === 't'
}
