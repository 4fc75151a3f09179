import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-waiting-commands',
  text: (schema) => `
select count(*), coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0)
  from ${schema}.command_requests where place is not null`,
}

/** How many commands wait to be executed, and how long the oldest has, in seconds. */
export async function selectWaitingCommands(
  database: Database,
): Promise<{ readonly count: number; readonly oldestSeconds: number }> {
  const [row] = await run<[string, string]>(database, statement, [])
  return { count: Number(row?.[0] ?? 0), oldestSeconds: Number(row?.[1] ?? 0) }
}
