import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'cli/select-snapshot-versions',
  text: (schema) => `
select split_part(stream_id, '-', 1), snapshot_version, count(*) from ${schema}.snapshots group by 1, 2 order by 1, 2`,
}

/** How many snapshots an aggregate has of a version of its state. */
export interface SnapshotCount {
  readonly category: string
  readonly snapshotVersion: number
  readonly count: number
}

export async function selectSnapshotVersions(database: Database): Promise<SnapshotCount[]> {
  const rows = await run<[string, string, string]>(database, statement, [])
  return rows.map(([category, version, count]) => ({
    category,
    snapshotVersion: Number(version),
    count: Number(count),
  }))
}
