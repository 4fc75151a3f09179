import { createEventStore } from '@tidemark/eventstore'
import { latestMigration, migrationVersion } from '@tidemark/migrations'
import pg from 'pg'
import type { Settings } from '../config/resolve-settings.js'
import { describeDatabase } from './connection-problem.js'
import { connect, requireDatabase } from './open-database.js'

/** How the database of the log stands; what is told of the log needs a schema. */
export interface DatabaseStatus {
  /** Where it is, without who logs in. */
  readonly database: string
  readonly schema: string
  /** The migration that the schema is at, and the newest that this code knows. */
  readonly version: number
  readonly newest: number
  readonly state: 'current' | 'too old' | 'too new'
  /** Only of a schema that is current. */
  readonly epoch?: string
  readonly head?: bigint
  readonly lastPosition?: bigint
  readonly heldBackByPid?: number | null
}

/** @throws {SurroundingError} it cannot be reached. */
export async function readDatabaseStatus(settings: Settings): Promise<DatabaseStatus> {
  const { schema } = settings
  const { url } = requireDatabase(settings)
  const client = await connect(settings)
  const version = await migrationVersion(client, schema).finally(() => client.end())
  const state = version === latestMigration ? 'current' : version < latestMigration ? 'too old' : 'too new'
  const status = { database: describeDatabase(url), schema, version, newest: latestMigration, state } as const
  if (version === 0) return status
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const store = createEventStore(pool, { schema, listen: false })
  try {
    const { position, lastPosition, heldBackByPid } = await store.head()
    const epoch = state === 'current' ? await store.log.epoch() : undefined
    return {
      ...{ ...status, ...(epoch !== undefined && { epoch }) },
      ...{ head: position, lastPosition, heldBackByPid: heldBackByPid ?? null },
    }
  } finally {
    await store.close()
    await pool.end()
  }
}
