import { readFileSync } from 'node:fs'

/** The ids that a child process is started with. */
export interface UserIds {
  readonly uid: number
  readonly gid: number
}

/**
 * The user that a server is run as: `nobody` when this process is root, otherwise undefined, which means "as I am".
 *
 * Postgres refuses to run as root.
 */
export function unprivilegedUser(): UserIds | undefined {
  if (process.getuid?.() !== 0) return undefined
  try {
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith('nobody:'))
    const [, , uid, gid] = line?.split(':') ?? []
    if (Number(uid) > 0 && Number(gid) > 0) return { uid: Number(uid), gid: Number(gid) }
  } catch {
    // A system without that file has its users elsewhere; 65534 is what nearly all of them call nobody.
  }
  return { uid: 65534, gid: 65534 }
}
