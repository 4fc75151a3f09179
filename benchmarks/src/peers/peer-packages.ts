import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** They are no dependencies of the product: a folder of its own holds them, with a lock of its own. */
const require = createRequire(new URL('../../peers/package.json', import.meta.url))

const packages = [
  '@event-driven-io/emmett-postgresql',
  '@castore/core',
  '@castore/event-storage-adapter-postgres',
  '@eventide/message-db',
]

/** Thrown when the peers are not installed. */
export class PeersMissingError extends Error {
  constructor(name: string) {
    super(`${name} is not installed: run \`npm ci --prefix benchmarks/peers\` in the root of the repository`)
  }
}

/** @throws {PeersMissingError} one of the peers is not installed. */
export function requirePeers(): void {
  for (const name of packages) folderOfPeerPackage(name)
}

/** Loads a peer's package; `T` says as much of its exports as is used, for its types are not at hand where it is not installed. */
export function loadPeerPackage<T>(name: string): T {
  return require(name) as T
}

/**
 * The folder of a peer's package.
 *
 * @throws {PeersMissingError} it is not installed.
 */
export function folderOfPeerPackage(name: string): string {
  const folder = (require.resolve.paths(name) ?? []).map((path) => join(path, name)).find((path) => existsSync(path))
  if (folder === undefined) throw new PeersMissingError(name)
  return folder
}
