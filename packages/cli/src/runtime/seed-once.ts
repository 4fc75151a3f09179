import type { EventStore } from '@tidemark/eventstore'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Fills an empty store with demo data, and goes on with it where that was interrupted.
 *
 * @returns whether it did.
 */
export async function seedOnce(
  store: EventStore,
  seed: (store: EventStore) => Promise<unknown>,
  { devFolder, database }: { readonly devFolder: string; readonly database: string },
): Promise<boolean> {
  const marker = join(devFolder, 'seeding')
  const interrupted = existsSync(marker) && readFileSync(marker, 'utf8') === database
  if (!interrupted && (await store.head()).lastPosition > 0n) return false
  writeFileSync(marker, database)
  await seed(store)
  rmSync(marker, { force: true })
  return true
}
