import { testProgram } from '@tidemark/test-servers'
import type { ChildProcess } from 'node:child_process'

const runBridge = await testProgram(new URL('programs/run-bridge.ts', import.meta.url))

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
  const args = [databaseUrl, brokers, topic, name, ...(readBack === undefined ? [] : [String(readBack)])]
  return runBridge(args, { failpoints })
}
