import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-parked-counts',
  text: (schema) => `
select projection, count(*) from ${schema}.parked_events where status in ('failed', 'blocked') group by projection`,
}

/** How many events are parked, by the name of the projection; those without any are left out. */
export async function selectParkedCounts(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await run<[string, string]>(database, statement, [])
  return new Map(rows.map(([projection, count]) => [projection, Number(count)]))
}
