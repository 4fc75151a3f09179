import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'select-cluster',
  text: (schema) => `
select s.epoch, (s.system_identifier, s.timeline) = (c.system_identifier, c.timeline), c.system_identifier || '/' || c.timeline
  from ${schema}.store s, ${schema}.cluster_identity() c`,
}

/** The cluster that a store is on. */
export interface Cluster {
  readonly epoch: string
  /** Whether the store was on it when somebody last looked. */
  readonly known: boolean
  /** Its system identifier and timeline. */
  readonly identity: string
}

/** Which cluster and timeline the store is on now; undefined where it has lost its row. */
export async function selectCluster(database: Database): Promise<Cluster | undefined> {
  const [row] = await run<[string, string, string]>(database, statement, [])
  return row && { epoch: row[0], known: row[1] === 't', identity: row[2] }
}
