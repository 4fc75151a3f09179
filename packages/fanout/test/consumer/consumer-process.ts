import { testProgram } from '@tidemark/test-servers'
import type { ChildProcess } from 'node:child_process'

const runConsumer = await testProgram(new URL('../programs/run-consumer.ts', import.meta.url))

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
  return runConsumer([databaseUrl, brokers, topic, mode, table], { failpoints, readable: true })
}
