import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'

/** The ids that a program is started with. */
export interface UserIds {
  readonly uid: number
  readonly gid: number
}

/**
 * Whom Postgres runs as: undefined means "as I am", except that Postgres refuses root.
 *
 * Root runs it as the owner of the data, where an ordinary user made it before, and as `nobody` otherwise.
 */
export function postgresUser(data: string): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (existsSync(data)) {
    const { uid, gid } = statSync(data)
    if (uid !== 0) return { uid, gid }
  }
  return nobody()
}

function nobody(): UserIds {
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith('nobody:'))
    const [, , uid, gid] = line?.split(':') ?? []
    if (Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) }
  } catch {
    // No such file here; nearly every system gives nobody the ids below.
  }
  return { uid: 65_534, gid: 65_534 }
}

/** Whether a user may enter a folder, that is, all folders above it too; tried, because modes do not tell everything. */
export function mayEnter(user: UserIds, folder: string): boolean {
  const { status } = spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...user, cwd: '/', stdio: 'ignore' })
  return status === 0
}
