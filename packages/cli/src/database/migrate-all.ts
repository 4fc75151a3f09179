import { migrate, type MigrateOptions } from '@tidemark/migrations'
import type { Settings } from '../config/resolve-settings.js'
import { ConfigError } from '../errors.js'
import { connect, requireDatabase } from './open-database.js'
import { settingsOfReadModels } from './open-read-models.js'

/** What was done to one schema. */
export interface Migrated {
  readonly schema: string
  /** The names of the migrations that were applied. */
  readonly applied: readonly string[]
  readonly version: number
  readonly missingRoles: readonly string[]
  readonly tenancy: boolean
}

/**
 * Migrates the log's schema, and that of the read models where they are in another database.
 *
 * @throws {ConfigError} both would be the same.
 */
export async function migrateAll(
  settings: Settings,
  options: Pick<MigrateOptions, 'log' | 'tenancy'> = {},
): Promise<Migrated[]> {
  const own = settingsOfReadModels(settings)
  if (own && own.schema === settings.schema && requireDatabase(own).url === requireDatabase(settings).url)
    throw new ConfigError('the read models are to be where the log is: leave readModels and READ_MODELS_URL out')
  const log = await migrateOne(settings, options)
  return own ? [log, await migrateOne(own, { ...options, tenancy: false, readModelsOnly: true })] : [log]
}

async function migrateOne(settings: Settings, options: MigrateOptions): Promise<Migrated> {
  const { schema } = settings
  const client = await connect(settings)
  try {
    const { applied, ...rest } = await migrate(client, { schema, ...options })
    return { schema, applied: applied.map(({ name }) => name), ...rest }
  } finally {
    await client.end()
  }
}
