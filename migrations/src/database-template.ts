import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from './migrate.js'
import { migrationsDirectory } from './migration-files.js'

/**
 * What a test suite needs to make one migrated database and clone it for each test file, which takes milliseconds.
 *
 * `contentHash` changes with the migrations; `prepare` migrates the empty database at a URL.
 */
export const databaseTemplate = {
  name: 'tidemark',
  contentHash: hashOfFiles(),
  async prepare(url: string): Promise<void> {
    await migrate(url)
  },
} as const

function hashOfFiles(): string {
  const hash = createHash('sha256')
  for (const file of readdirSync(migrationsDirectory).sort()) {
    hash.update(file).update(readFileSync(join(migrationsDirectory, file)))
  }
  return hash.digest('hex')
}
