import type { EventStore, Logger } from '@tidemark/eventstore'
import { readModelsIn, type ProjectionStore } from '@tidemark/projections'
import type { Settings } from '../config/resolve-settings.js'
import { openPool } from './open-database.js'

/** Where the projections of a project are kept, and how to let go of it: the store itself, unless the settings name another database. */
export interface OpenReadModels {
  readonly readModels: ProjectionStore
  readonly close: () => Promise<void>
}

/** The settings with the database of the read models in the place of the log's; undefined where it is the same. */
export function settingsOfReadModels(settings: Settings): Settings | undefined {
  const { readModels } = settings
  return readModels && { ...settings, database: readModels, schema: readModels.schema }
}

/**
 * Opens the database of the read models.
 *
 * @throws {SurroundingError} it cannot be reached. @throws {SchemaTooOldError} @throws {SchemaTooNewError}
 * @throws {ReadModelsRefusedError} it has a log of its own, or the read models of another one.
 */
export async function openReadModels(store: EventStore, settings: Settings, logger?: Logger): Promise<OpenReadModels> {
  const own = settingsOfReadModels(settings)
  if (!own) return { readModels: store, close: () => Promise.resolve() }
  const pool = await openPool(own)
  try {
    const readModels = await readModelsIn(store, pool, { schema: own.schema, ...(logger && { logger }) })
    return { readModels, close: () => pool.end() }
  } catch (error) {
    await pool.end()
    throw error
  }
}
