import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const jiti = path('../../../../node_modules/jiti/lib/jiti-cli.mjs')
const program = path('../programs/run-consumer.ts')

/** The program runs from the sources, as the tests do. */
const alias = JSON.stringify({ '@tidemark/eventstore': path('../../../eventstore/src/index.ts') })

/** Where a consumer process finds its records, and the table that it writes to. */
export interface ConsumerProcessOptions {
  readonly databaseUrl: string
  readonly brokers: string
  readonly topic: string
  readonly mode: 'event' | 'batch'
  readonly table: string
  /** For `TIDEMARK_FAILPOINTS`, such as `consumer.handled=kill@3`. */
  readonly failpoints?: string
}

/** A consumer in a process of its own, with a session time-out of six seconds. */
export function startConsumerProcess(options: ConsumerProcessOptions): ChildProcess {
  const { databaseUrl, brokers, topic, mode, table, failpoints } = options
  const env = { ...process.env, JITI_ALIAS: alias, JITI_FS_CACHE: 'false', TIDEMARK_FAILPOINTS: failpoints }
  return spawn(process.execPath, [jiti, program, databaseUrl, brokers, topic, mode, table], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
  })
}
