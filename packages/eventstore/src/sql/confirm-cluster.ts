import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'confirm-cluster',
  text: (schema) => `select ${schema}.confirm_cluster($1)`,
}

/** Notes that the store of this epoch is on the present cluster and timeline, and that its log is the same. */
export async function confirmCluster(database: Database, epoch: string): Promise<void> {
  await run(database, statement, [epoch])
}
