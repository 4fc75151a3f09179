import type { TestProject } from 'vitest/node'
import { startKafka } from './kafka/start-kafka.js'
import { sharedInRun } from './shared-in-run.js'

async function startForRun() {
  const kafka = await startKafka()
  if (kafka.kind === 'unavailable') {
    process.stderr.write(`\nThe tests that need Kafka are skipped, because ${kafka.reason}\n\n`)
  }
  return kafka
}

/**
 * A vitest global set-up: one Kafka broker for the whole run, provided as `kafkaBrokers`.
 *
 * Where there is none that is undefined, and `kafkaUnavailable` says why; with `CI` set the run fails instead. Topics
 * are shared by all test files: give them unique names.
 *
 * @example describe.skipIf(!inject('kafkaBrokers'))('the bridge', () => { … })
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { value: kafka, release } = await sharedInRun('kafka', startForRun, async (server) => {
    if (server.kind !== 'unavailable') await server.close()
  })
  project.provide('kafkaBrokers', kafka.kind === 'unavailable' ? undefined : kafka.bootstrapServers)
  project.provide('kafkaUnavailable', kafka.kind === 'unavailable' ? kafka.reason : undefined)
  return release
}
