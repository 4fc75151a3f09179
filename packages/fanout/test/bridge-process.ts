import { testProgram } from '@tidemark/test-servers'
import type { ChildProcess } from 'node:child_process'
import type { BridgeOptions, RunBridgeOptions } from '../src/index.js'

const runBridge = await testProgram(new URL('programs/run-bridge.ts', import.meta.url))

/** Where a bridge process finds its log and its topic. */
export interface BridgeProcessOptions {
  readonly databaseUrl: string
  readonly brokers: string
  readonly topic: string
  readonly name: string
  /** For `TIDEMARK_FAILPOINTS`, such as `bridge.after-send=kill@3`. */
  readonly failpoints?: string | undefined
  /** What else its definition says, as far as it can be written down. */
  readonly definition?: Pick<BridgeOptions, 'lanes' | 'transactional'>
  /** Other options than batches of 50 and a lease of one second. */
  readonly options?: Omit<Partial<RunBridgeOptions>, 'producer' | 'serializer' | 'logger'>
}

/** A bridge in a process of its own. */
export function startBridgeProcess({ failpoints, ...given }: BridgeProcessOptions): ChildProcess {
  return runBridge([JSON.stringify(given)], { failpoints })
}
