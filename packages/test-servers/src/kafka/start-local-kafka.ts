import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../process/free-port.js'
import { runToEnd } from '../process/run-to-end.js'
import { ServerStartError } from '../test-servers-error.js'
import { brokerProperties, type Address, type BrokerPorts } from './broker-properties.js'
import { kafkaJars, type KafkaJars } from './kafka-jars.js'
import type { KafkaServer } from './kafka-server.js'
import { quickStart, runKafkaTool } from './run-kafka-tool.js'
import { createBroker } from './start-broker.js'

/** How a cluster of one's own is started. */
export interface LocalKafkaOptions {
  /** Default 1. With 3, topics have three replicas and writes wait for two. */
  readonly brokers?: 1 | 3
  /** Broker properties, such as `{ 'message.max.bytes': '2000' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /**
   * Where clients are sent instead of to the broker itself, such as a proxy in front of it. Called once per broker,
   * before it starts; again with other ports when those were taken.
   */
  readonly advertise?: (broker: Address & { readonly id: number }) => Address | Promise<Address>
}

const host = '127.0.0.1'
const addresses = (list: readonly Address[]) => list.map((each) => `${each.host}:${each.port}`).join(',')

async function choosePorts(count: number): Promise<BrokerPorts[]> {
  const ports = await freePorts(count * 3)
  return Array.from({ length: count }, (_, index) => {
    const [clientPort = 0, internalPort = 0, controllerPort = 0] = ports.slice(index * 3)
    return { id: index + 1, clientPort, internalPort, controllerPort }
  })
}

async function formatStorage({ java, classPath }: KafkaJars, clusterId: string, propertiesFile: string): Promise<void> {
  const machine = ['-Xmx128m', ...quickStart, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classPath]
  await runToEnd(java, [...machine, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesFile])
}

/**
 * Starts a real Apache Kafka from its jars, on free ports at 127.0.0.1: about 4 seconds for one broker on two cores.
 *
 * It ends with this process, even when that is ended by SIGKILL. Data lives in a temporary folder until `close`.
 *
 * @throws {ServerUnavailableError} there is no Java 17, or the jars are not there and cannot be downloaded.
 * @throws {ServerStartError} a broker did not become ready; the error holds the end of its log.
 * @example
 * const kafka = await startLocalKafka({ brokers: 3 })
 * await kafka.brokers[0].kill('SIGKILL')
 * await kafka.brokers[0].start()
 * await kafka.close()
 */
export async function startLocalKafka(options: LocalKafkaOptions = {}): Promise<KafkaServer> {
  const jars = await kafkaJars()
  for (let attempt = 1; ; attempt++) {
    try {
      return await startCluster(jars, options)
    } catch (error) {
      // Another process can take a free port before Kafka does.
      const clash = error instanceof ServerStartError && /Address already in use/.test(error.log)
      if (!clash || attempt === 5) throw error
    }
  }
}

async function startCluster(
  jars: KafkaJars,
  { brokers: count = 1, settings = {}, advertise = (broker) => broker }: LocalKafkaOptions,
): Promise<KafkaServer> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-kafka-'))
  const nodes = await choosePorts(count)
  // A cluster id is 16 bytes; the tool takes one with a leading dash for an option.
  const clusterId = Buffer.concat([Buffer.from('tidemark'), randomBytes(8)]).toString('base64url')
  const closers: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })]
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const advertised: Address[] = []
    const prepared = await Promise.all(
      nodes.map(async (node) => {
        const address = await advertise({ id: node.id, host, port: node.clientPort })
        advertised[node.id - 1] = { host: address.host, port: address.port }
        const propertiesFile = join(folder, `broker-${node.id}.properties`)
        const dataDir = join(folder, `broker-${node.id}`)
        await writeFile(propertiesFile, brokerProperties(node, nodes, address, dataDir, settings))
        await formatStorage(jars, clusterId, propertiesFile)
        return createBroker(jars, {
          id: node.id,
          port: node.clientPort,
          propertiesFile,
          logFile: `${dataDir}.log`,
          temporaryFolder: folder,
        })
      }),
    )
    closers.push(async () => void (await Promise.all(prepared.map((broker) => broker.kill('SIGKILL')))))
    // Together: a controller is ready only when a majority of them is up.
    await Promise.all(prepared.map((broker) => broker.start()))
    const directBootstrapServers = addresses(nodes.map((node) => ({ host, port: node.internalPort })))
    return {
      kind: 'local',
      bootstrapServers: addresses(advertised),
      directBootstrapServers,
      brokers: prepared,
      runTool: (mainClass, args, toolOptions) => runKafkaTool(directBootstrapServers, mainClass, args, toolOptions),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
