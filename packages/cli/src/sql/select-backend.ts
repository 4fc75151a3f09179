import { run, type Database, type Statement } from '@tidemark/eventstore'

// Without its query, which may have anything in it.
const statement: Statement = {
  name: 'cli/select-backend',
  text: () => `
select coalesce(usename, ''), coalesce(application_name, ''), coalesce(host(client_addr), 'this machine'), coalesce(state, ''),
       extract(epoch from clock_timestamp() - coalesce(xact_start, clock_timestamp()))
  from pg_stat_activity
 where pid = $1`,
}

/** Who a process of the server works for. */
export interface Backend {
  readonly user: string
  readonly application: string
  readonly client: string
  readonly state: string
  /** How long its transaction has been open. */
  readonly openSeconds: number
}

/** Undefined once it is gone. */
export async function selectBackend(database: Database, pid: number): Promise<Backend | undefined> {
  const [row] = await run<[string, string, string, string, string]>(database, statement, [pid])
  if (!row) return undefined
  const [user, application, client, state, seconds] = row
  return { user, application, client, state, openSeconds: Number(seconds) }
}
