import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { SurroundingError } from '../errors.js'
import { devFolderOf } from './dev-state.js'
import { mayEnter, type UserIds } from './postgres-user.js'
import { sharedFolder } from './shared-folder.js'

/** Makes `.tidemark/` beside the configuration file, where git does not see it. */
export function ensureDevFolder(folder: string): string {
  const devFolder = devFolderOf(folder)
  try {
    mkdirSync(devFolder, { recursive: true })
    if (!existsSync(join(devFolder, '.gitignore'))) writeFileSync(join(devFolder, '.gitignore'), '*\n')
  } catch (cause) {
    throw new SurroundingError(
      `${devFolder} cannot be written: give it to this user, or set DATABASE_URL to a server`,
      { cause },
    )
  }
  return devFolder
}

/** Where the data is to be found: a folder, or a link to one. */
export const dataPathOf = (devFolder: string) => join(devFolder, 'postgres')

/**
 * The folder of the cluster's data, which need not exist yet.
 *
 * Postgres does not run as root, and whoever it runs as must be able to enter every folder above its data. Where that is not so, as in
 * root's home, `.tidemark/postgres` is a link to a folder elsewhere.
 *
 * @throws {SurroundingError} another user made the data.
 */
export function locateData(devFolder: string, user: UserIds | undefined): string {
  const path = dataPathOf(devFolder)
  if (user && !existsSync(path)) {
    // Whatever the umask says: the secrets in it have modes of their own.
    chmodSync(devFolder, 0o755)
    if (!mayEnter(user, devFolder)) linkElsewhere(path, user)
  }
  const data = existsSync(path) ? realpathSync(path) : path
  const owner = user?.uid ?? process.getuid?.()
  if (owner !== undefined && existsSync(data) && statSync(data).uid !== owner) {
    throw new SurroundingError(
      `the data in ${data} belongs to another user: run this as that user, or delete the folder to begin anew`,
    )
  }
  return data
}

/** A folder of its own, by a random name: a project that is copied or made anew at the same place finds no other's data. */
function linkElsewhere(path: string, user: UserIds): void {
  const parent = mkdtempSync(join(sharedFolder(), 'dev-'))
  const data = join(parent, 'postgres')
  mkdirSync(data, { mode: 0o700 })
  for (const folder of [parent, data]) chownSync(folder, user.uid, user.gid)
  // There may be a link that leads nowhere any more.
  rmSync(path, { force: true })
  symlinkSync(data, path)
}

/** Deletes the data, also where it lies elsewhere. */
export function deleteData(devFolder: string): void {
  const path = dataPathOf(devFolder)
  if (existsSync(path)) rmSync(realpathSync(path), { recursive: true, force: true })
  rmSync(path, { recursive: true, force: true })
}
