import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { SurroundingError } from '../errors.js'
import type { UserIds } from './postgres-user.js'

/**
 * Creates the database cluster in `data`, unless it is there; the superuser is `postgres`, with a password.
 *
 * It is made under another name and renamed when complete, so that one that was interrupted is never started.
 */
export function initCluster(binaries: string, data: string, password: string, user: UserIds | undefined): void {
  if (existsSync(join(data, 'PG_VERSION'))) return
  // A folder of its own for the unprivileged user, who may not write to the one above.
  const unfinished = join(dirname(data), 'postgres.unfinished')
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { mode: 0o700 })
  const secrets = mkdtempSync(join(tmpdir(), 'tidemark-'))
  try {
    const passwordFile = join(secrets, 'password')
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
    if (user) for (const path of [unfinished, secrets, passwordFile]) chownSync(path, user.uid, user.gid)
    const options = ['--username=postgres', '--encoding=UTF8', '--no-locale', '--auth=scram-sha-256']
    execFileSync(join(binaries, 'initdb'), [`--pgdata=${unfinished}`, `--pwfile=${passwordFile}`, ...options], {
      ...user,
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // Some umasks make folders that initdb's own do not.
    chmodSync(unfinished, 0o700)
    rmSync(data, { recursive: true, force: true })
    renameSync(unfinished, data)
  } catch (cause) {
    rmSync(unfinished, { recursive: true, force: true })
    const reason = (cause as { stderr?: Buffer }).stderr?.toString().trim().split('\n').at(-1)
    throw new SurroundingError(
      `Postgres could not create its data in ${data}: ${reason ?? String(cause)}. Free the cause, or set DATABASE_URL to a server`,
      { cause },
    )
  } finally {
    rmSync(secrets, { recursive: true, force: true })
  }
}
