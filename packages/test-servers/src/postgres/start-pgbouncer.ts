import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../process/free-port.js'
import { runToEnd } from '../process/run-to-end.js'
import { startServerProcess } from '../process/server-process.js'
import { unprivilegedUser } from '../process/unprivileged-user.js'
import { ServerStartError, ServerUnavailableError } from '../test-servers-error.js'
import { createPrivateFolder } from './init-cluster.js'
import { waitForPostgres } from './wait-for-postgres.js'

/** What the pooler stands before. */
export interface PgbouncerOptions {
  /** The server: a URL without a password, whose user every session gets. */
  readonly target: string
  /** How many connections to the server one database has. */
  readonly poolSize: number
}

/** A pgbouncer in transaction mode, which ends with this process. */
export interface Pgbouncer {
  /** The target's URL, through the pooler; `?pgbouncer=true` tells clients so. */
  readonly url: string
  /** `1.18.0` */
  readonly version: string
  readonly logFile: string
  /** Stops it and deletes its folder; safe to call again. */
  close(): Promise<void>
}

/**
 * Starts the machine's pgbouncer in transaction mode on a free port at 127.0.0.1.
 *
 * @throws {ServerUnavailableError} it is not installed.
 * @throws {ServerStartError} it did not become ready; the error holds the end of its log.
 * @example
 * const pooler = await startPgbouncer({ target: postgres.directUrl, poolSize: 2 })
 */
export async function startPgbouncer({ target, poolSize }: PgbouncerOptions): Promise<Pgbouncer> {
  const version = await installedVersion()
  const user = unprivilegedUser()
  const { hostname, port: targetPort, username } = new URL(target)
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-pgbouncer-'))
  await createPrivateFolder(folder, user)
  const port = await freePort()
  const settings = join(folder, 'pgbouncer.ini')
  const logFile = join(folder, 'pgbouncer.log')
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${targetPort} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 1000
query_wait_timeout = 30
server_idle_timeout = 5
server_login_retry = 1
`,
  )
  if (user) await chown(settings, user.uid, user.gid)
  const server = await startServerProcess('pgbouncer', [settings], {
    logFile,
    stopSignal: 'SIGQUIT',
    user,
    cwd: '/',
    temporaryFolders: [folder],
  })
  const pooled = new URL(target)
  pooled.port = String(port)
  pooled.searchParams.set('pgbouncer', 'true')
  const url = pooled.href
  const close = async () => {
    server.signal('SIGQUIT')
    if (server.running) await server.ended
    await rm(folder, { recursive: true, force: true })
  }
  const cause = await waitForPostgres(url, 10_000, () => !server.running)
  if (!cause) return { url, version, logFile, close }
  const log = (await readFile(logFile, 'utf8')).trim().slice(-4000)
  await close()
  throw new ServerStartError('pgbouncer', `did not become ready on port ${port}`, log, { cause })
}

async function installedVersion(): Promise<string> {
  try {
    const { stdout } = await runToEnd('pgbouncer', ['--version'])
    return /PgBouncer (\S+)/.exec(stdout)?.[1] ?? 'unknown'
  } catch (cause) {
    throw new ServerUnavailableError('pgbouncer', 'it is not installed: on Debian, `apt-get install pgbouncer`', {
      cause,
    })
  }
}
