import { run, type Database, type Statement } from '@tidemark/eventstore'

const ofStreams: Statement = {
  name: 'select-truncated-streams',
  text: (schema) => `
select distinct stream_id from ${schema}.stream_truncations where stream_id = any($1) order by stream_id`,
}

const ofCategories: Statement = {
  name: 'select-truncated-streams-of-categories',
  text: (schema) => `
select distinct stream_id from ${schema}.stream_truncations
 where split_part(stream_id, '-', 1) = any($1) order by stream_id limit 10`,
}

/** Which streams have lost their first events: all of some streams, or the first ten of some categories. */
export async function selectTruncatedStreams(
  database: Database,
  of: { readonly streamIds: readonly string[] } | { readonly categories: readonly string[] },
): Promise<string[]> {
  const rows =
    'streamIds' in of
      ? await run<[string]>(database, ofStreams, [of.streamIds])
      : await run<[string]>(database, ofCategories, [of.categories])
  return rows.map(([streamId]) => streamId)
}
