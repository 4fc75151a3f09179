import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { SurroundingError } from '../errors.js'
import { dataPathOf, deleteData, ensureDevFolder, locateData } from './data-folder.js'
import { freePort } from './free-port.js'
import { guard } from './guardian.js'
import { initCluster } from './init-cluster.js'
import { stopLeftover } from './leftover-postgres.js'
import { passwordOf } from './password.js'
import { postgresBinaries } from './postgres-binaries.js'
import { postgresUser, type UserIds } from './postgres-user.js'

/** A Postgres of one's own for development. */
export interface DevDatabase {
  readonly url: string
  /** Where the data really is. */
  readonly data: string
  readonly logFile: string
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>
  /** Ends sessions, writes everything to disk, and waits until the server and its guardian are gone. */
  stop(): Promise<void>
}

export interface DevDatabaseOptions {
  /** Deletes the data of earlier runs first. */
  readonly reset?: boolean
  readonly note: (text: string) => void
}

const readyTimeoutMs = 60_000
const stopTimeoutMs = 30_000

/**
 * Starts Postgres on the data in `.tidemark/` beside the configuration file, on a free port at 127.0.0.1.
 *
 * One that outlived an earlier run is stopped first. It ends with this process, also when that is killed.
 *
 * @throws {SurroundingError} there are no binaries for this machine, the data cannot be used, or it did not become ready.
 */
export async function startDevDatabase(folder: string, options: DevDatabaseOptions): Promise<DevDatabase> {
  const devFolder = ensureDevFolder(folder)
  const user = postgresUser(dataPathOf(devFolder))
  const binaries = postgresBinaries(user)
  if (options.reset) {
    await stopLeftover(locateData(devFolder, user))
    deleteData(devFolder)
  }
  const data = locateData(devFolder, user)
  if (data !== dataPathOf(devFolder))
    options.note(`${folder} is closed to the user that runs Postgres: the data is in ${data}`)
  if (await stopLeftover(data)) options.note('stopped the Postgres that an earlier run had left')
  const password = passwordOf(devFolder, data)
  initCluster(binaries, data, password, user)
  const cluster = { binaries, data, password, user, logFile: join(devFolder, 'postgres.log') }
  const deadline = performance.now() + readyTimeoutMs
  for (;;) {
    const started = await tryToStart(cluster)
    if ('url' in started) return started
    // The sessions of a server that was killed hold its memory for a moment; and a free port may be taken by somebody else.
    const passing = /shared memory block|postmaster\.pid|could not bind|could not create any TCP/.test(started.log)
    if (!passing || performance.now() > deadline) {
      throw new SurroundingError(
        `Postgres did not start on the data in ${data}: ${lastLine(started.log)} (see ${cluster.logFile})`,
      )
    }
    await sleep(100)
  }
}

interface Cluster {
  readonly binaries: string
  readonly data: string
  readonly password: string
  readonly user: UserIds | undefined
  readonly logFile: string
}

async function tryToStart(cluster: Cluster): Promise<DevDatabase | { readonly log: string }> {
  const { binaries, data, password, user, logFile } = cluster
  const port = await freePort()
  const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) }
  const args = ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  const log = openSync(logFile, 'a', 0o644)
  const logStart = statSync(logFile).size
  // A session of its own: Ctrl-C goes to this process, which decides when Postgres ends. It writes to a file, so it can end without us.
  const server = spawn(join(binaries, 'postgres'), args, {
    ...user,
    cwd: '/',
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  const ended = once(server, 'exit').then(
    () => undefined,
    () => undefined,
  )
  if (server.pid === undefined) return { log: 'it could not be executed' }
  const release = guard(server.pid)
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
  if (await answers(url, server)) {
    return { url, data, logFile, ended, stop: () => stop(server, ended, release) }
  }
  server.kill('SIGKILL')
  await ended
  await release()
  return { log: readFileSync(logFile).subarray(logStart).toString() }
}

async function answers(url: string, server: ChildProcess): Promise<boolean> {
  const deadline = performance.now() + readyTimeoutMs
  while (server.exitCode === null && server.signalCode === null && performance.now() < deadline) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return true
    } catch {
      await sleep(20)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  return false
}

async function stop(server: ChildProcess, ended: Promise<void>, release: () => Promise<void>): Promise<void> {
  server.kill('SIGINT')
  const timer = setTimeout(() => server.kill('SIGKILL'), stopTimeoutMs)
  await ended
  clearTimeout(timer)
  await release()
}

function lastLine(log: string): string {
  const lines = log.trim().split('\n')
  return (lines.findLast((line) => /(FATAL|PANIC|ERROR):/.test(line)) ?? lines.at(-1) ?? '').replace(
    /^.*?(FATAL|PANIC|ERROR):\s*/,
    '',
  )
}
