import { run, type Database, type Statement } from '@tidemark/eventstore'

const byId: Statement = {
  name: 'cli/select-positions-by-id',
  text: (schema) => `select position from ${schema}.events where id = any($1::uuid[])`,
}

// Metadata has no index: this reads the whole log once, which is for a person who looks for something.
const byMetadata: Statement = {
  name: 'cli/select-positions-by-metadata',
  text: (schema) => `
select position from ${schema}.events
 where metadata->>'correlationId' = $1 or metadata->>'causationId' = any($2)
 order by position
 limit $3`,
}

/** The positions of events with one of the ids. */
export async function selectPositionsById(database: Database, ids: readonly string[]): Promise<bigint[]> {
  return (await run<[string]>(database, byId, [ids])).map(([position]) => BigInt(position))
}

/** The first positions of events that belong to a conversation, or were caused by one of `causes`. */
export async function selectRelatedPositions(
  database: Database,
  {
    correlationId,
    causes,
    limit,
  }: { readonly correlationId: string | undefined; readonly causes: readonly string[]; readonly limit: number },
): Promise<bigint[]> {
  return (await run<[string]>(database, byMetadata, [correlationId ?? null, causes, limit])).map(([position]) =>
    BigInt(position),
  )
}
