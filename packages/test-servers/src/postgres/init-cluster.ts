import { existsSync } from 'node:fs'
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runToEnd } from '../process/run-to-end.js'
import type { UserIds } from '../process/unprivileged-user.js'

/** Creates a folder that only `user` may enter; its missing parents are created open to all. */
export async function createPrivateFolder(path: string, user: UserIds | undefined): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (user) await chown(path, user.uid, user.gid)
}

/**
 * Creates a database cluster in `dataDir`, unless there is one already.
 *
 * The superuser is `postgres`; connections need its password when one is given, and none otherwise.
 *
 * @throws {CommandFailedError} initdb failed.
 */
export async function initCluster(
  native: string,
  dataDir: string,
  user: UserIds | undefined,
  password: string | undefined,
): Promise<void> {
  if (existsSync(join(dataDir, 'PG_VERSION'))) return
  await createPrivateFolder(dataDir, user)
  // Not beside the data: initdb refuses a folder that is not empty.
  const secrets = await mkdtemp(join(tmpdir(), 'tidemark-initdb-'))
  try {
    if (user) await chown(secrets, user.uid, user.gid)
    const args = ['--pgdata', dataDir, '--username=postgres', '--encoding=UTF8', '--no-locale', '--no-sync']
    if (password === undefined) {
      args.push('--auth=trust')
    } else {
      const file = join(secrets, 'password')
      await writeFile(file, `${password}\n`)
      args.push('--auth=scram-sha-256', `--pwfile=${file}`)
    }
    await runToEnd(join(native, 'bin/initdb'), args, { ...user, cwd: '/' })
  } finally {
    await rm(secrets, { recursive: true, force: true })
  }
}
