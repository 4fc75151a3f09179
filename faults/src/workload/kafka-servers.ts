import {
  createFaultProxy,
  ServerUnavailableError,
  startLocalKafka,
  startSchemaRegistry,
  type FaultProxy,
  type KafkaServer,
  type LocalKafkaOptions,
} from '@tidemark/test-servers'
import type { ExperimentContext } from '../experiment.js'
import { SkippedError, UsageError } from '../fault-lab-error.js'

/** The lab's own Kafka, which other experiments use as well. */
export function kafkaOf({ kafka }: ExperimentContext): KafkaServer {
  if (!kafka) throw new UsageError('the experiment needs Kafka, and was not given one')
  return kafka
}

/**
 * Starts brokers that an experiment may break, and closes them after it.
 *
 * @throws {SkippedError} there are no jars of Kafka on this machine, or no Java; with `CI` set that is an error like any other.
 */
export async function withOwnKafka(
  options: LocalKafkaOptions,
  work: (kafka: KafkaServer) => Promise<void>,
): Promise<void> {
  const kafka = await startLocalKafka(options).catch((error: unknown) => {
    throw error instanceof ServerUnavailableError && !process.env['CI'] ? new SkippedError(error.reason) : error
  })
  try {
    await work(kafka)
  } finally {
    await kafka.close()
  }
}

/** Starts a broker of the experiment's own with a line before it that can be made bad. */
export async function withKafkaBehindProxy(
  work: (kafka: KafkaServer, proxy: FaultProxy) => Promise<void>,
): Promise<void> {
  let proxy: FaultProxy | undefined
  try {
    await withOwnKafka({ advertise: async (target) => (proxy = await createFaultProxy({ target })) }, async (kafka) => {
      if (proxy) await work(kafka, proxy)
    })
  } finally {
    await proxy?.close()
  }
}

/**
 * Starts a schema registry with a line before it that can be made bad.
 *
 * @throws {SkippedError} there is no way to run one on this machine.
 */
export async function withRegistryBehindProxy(work: (url: string, proxy: FaultProxy) => Promise<void>): Promise<void> {
  const registry = await startSchemaRegistry()
  if (registry.kind === 'unavailable') throw new SkippedError(registry.reason)
  const { hostname, port, pathname } = new URL(registry.url)
  const proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } })
  try {
    await work(`http://${proxy.host}:${proxy.port}${pathname}`, proxy)
  } finally {
    await proxy.close()
    await registry.close()
  }
}
