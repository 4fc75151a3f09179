import { createEventStore, type Logger } from '@tidemark/eventstore'
import { storeOptionsOf, type Settings } from '../config/resolve-settings.js'
import { makeOwnTables } from '../database/make-own-tables.js'
import { migrateAll } from '../database/migrate-all.js'
import { openPool } from '../database/open-database.js'
import type { TidemarkConfig } from '../define-config.js'
import { seedOnce } from './seed-once.js'

export interface PrepareOptions {
  readonly seed: TidemarkConfig['seed']
  readonly ownTables: TidemarkConfig['ownTables']
  readonly devFolder: string
  /** Tells this database from others that the project was run on. */
  readonly database: string
  readonly logger: Logger
  readonly note: (text: string) => void
}

/** Migrates a database for development, and fills an empty store with demo data. */
export async function prepareStore(settings: Settings, options: PrepareOptions): Promise<void> {
  const { seed, ownTables, devFolder, database, logger, note } = options
  for (const { schema, applied } of await migrateAll(settings))
    if (applied.length > 0) note(`migrated the schema "${schema}": ${applied.join(', ')}`)
  await makeOwnTables(settings, ownTables)
  if (!seed) return
  const pool = await openPool(settings)
  const store = createEventStore(pool, { ...storeOptionsOf(settings), logger, listen: false })
  try {
    if (await seedOnce(store, seed, { devFolder, database })) note('added demo data')
  } finally {
    await store.close()
    await pool.end()
  }
}
