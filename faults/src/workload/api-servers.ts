import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExperimentContext } from '../experiment.js'
import type { ServerNews, ServerOrder } from './api-process.js'
import { startLabProcess, type LabProcess } from './lab-process.js'

/** A server of the order example in a process of its own. */
export interface ApiServer extends LabProcess {
  /** Where it listens; not before it has started. */
  readonly url: string
}

/** Servers on the database of a run, behind one token. */
export interface ApiServers {
  readonly token: string
  /** @param failpoints where it is to die, in the language of `TIDEMARK_FAILPOINTS`. */
  start(failpoints?: string): Promise<ApiServer>
  /** What all of them have logged. */
  log(): Promise<string>
}

/** Gives servers to an experiment, and ends all that are left. */
export async function withApiServers(
  { database, mutant }: ExperimentContext,
  experiment: (servers: ApiServers) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-api-'))
  const logFile = join(folder, 'log')
  const token = randomBytes(24).toString('base64url')
  const started: ApiServer[] = []
  const start = async (failpoints?: string): Promise<ApiServer> => {
    let url = ''
    const order: ServerOrder = { databaseUrl: database.url, mutant: mutant?.name, token, logFile }
    const onNews = (news: ServerNews) => {
      if (news.kind === 'listening') url = news.url
    }
    const server = startLabProcess<ServerNews>('./api-process.js', order, { failpoints, onNews })
    const own = Object.defineProperty(server, 'url', { get: () => url }) as ApiServer
    started.push(own)
    await own.started
    return own
  }
  try {
    await experiment({ token, start, log: () => readFile(logFile, 'utf8').catch(() => '') })
  } finally {
    for (const server of started) await server.kill()
    await rm(folder, { recursive: true, force: true })
  }
}
