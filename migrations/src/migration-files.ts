import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the numbered SQL files. */
export const migrationsDirectory = fileURLToPath(new URL('../sql', import.meta.url))

/** The number of the newest migration that this code brings: what the schema is at after {@link migrate}. */
export const latestMigration = readdirSync(migrationsDirectory).filter((file) => file.endsWith('.sql')).length
