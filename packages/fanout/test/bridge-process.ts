import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const jiti = path('../../../node_modules/jiti/lib/jiti-cli.mjs')
const program = path('programs/run-bridge.ts')

/** The program runs from the sources, as the tests do. */
const alias = JSON.stringify({ '@tidemark/eventstore': path('../../eventstore/src/index.ts') })

/** Where a bridge process finds its log and its topic. */
export interface BridgeProcessOptions {
  readonly databaseUrl: string
  readonly brokers: string
  readonly topic: string
  readonly name: string
  /** For `TIDEMARK_FAILPOINTS`, such as `bridge.after-send=kill@3`. */
  readonly failpoints?: string | undefined
  /** How many records it reads back; as usual unless said. */
  readonly readBack?: number | undefined
}

/** A bridge in a process of its own, with batches of 50 and a lease of one second. */
export function startBridgeProcess({
  databaseUrl,
  brokers,
  topic,
  name,
  failpoints,
  readBack,
}: BridgeProcessOptions): ChildProcess {
  const env = { ...process.env, JITI_ALIAS: alias, JITI_FS_CACHE: 'false', TIDEMARK_FAILPOINTS: failpoints }
  return spawn(
    process.execPath,
    [jiti, program, databaseUrl, brokers, topic, name, ...(readBack === undefined ? [] : [String(readBack)])],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    },
  )
}
