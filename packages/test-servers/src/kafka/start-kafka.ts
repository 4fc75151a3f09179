import { ServerUnavailableError } from '../test-servers-error.js'
import type { KafkaServer, KafkaUnavailable } from './kafka-server.js'
import { runKafkaTool } from './run-kafka-tool.js'
import { startContainerKafka } from './start-container-kafka.js'
import { startLocalKafka, type LocalKafkaOptions } from './start-local-kafka.js'

/**
 * Starts a real Apache Kafka, or takes the one that the environment names.
 *
 * `KAFKA_BROKERS` comes first, then a container when `TIDEMARK_TEST_CONTAINERS=1` and an engine answers (one broker,
 * nothing advertised), then the jars. Only brokers from the jars can be killed: use `startLocalKafka` for that. When
 * there is no way to run one, the result says why, so that tests are skipped with a reason.
 *
 * @throws {ServerUnavailableError} there is no way to run one and `CI` is set: there the tests must not be skipped.
 * @throws {ServerStartError} a broker did not become ready.
 * @example
 * const kafka = await startKafka()
 * if (kafka.kind === 'unavailable') console.warn(kafka.reason)
 */
export async function startKafka(options: LocalKafkaOptions = {}): Promise<KafkaServer | KafkaUnavailable> {
  const bootstrapServers = process.env['KAFKA_BROKERS']
  if (bootstrapServers) {
    return {
      kind: 'external',
      bootstrapServers,
      directBootstrapServers: bootstrapServers,
      brokers: [],
      runTool: (mainClass, args, toolOptions) => runKafkaTool(bootstrapServers, mainClass, args, toolOptions),
      close: () => Promise.resolve(),
    }
  }
  const fitsContainer = (options.brokers ?? 1) === 1 && !options.advertise
  if (process.env['TIDEMARK_TEST_CONTAINERS'] === '1' && fitsContainer) {
    const container = await startContainerKafka(options.settings ?? {})
    if (container) return container
  }
  try {
    return await startLocalKafka(options)
  } catch (error) {
    const ci = process.env['CI']
    if (!(error instanceof ServerUnavailableError) || (ci && ci !== 'false' && ci !== '0')) throw error
    return { kind: 'unavailable', reason: error.reason }
  }
}
