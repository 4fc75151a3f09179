import type { Settings } from '../config/resolve-settings.js'
import type { TidemarkConfig } from '../define-config.js'
import { connect } from './open-database.js'

/** Makes the tables that the project's own handlers write to, all or nothing, and one process at a time. */
export async function makeOwnTables(settings: Settings, ownTables: TidemarkConfig['ownTables']): Promise<void> {
  if (!ownTables) return
  const client = await connect(settings)
  try {
    await client.query('begin')
    // `create table if not exists` of two at once fails in one of them.
    await client.query(`select pg_advisory_xact_lock(hashtextextended('tidemark own tables', 0))`)
    await ownTables(client)
    await client.query('commit')
  } finally {
    await client.end()
  }
}
