/** Where one broker listens: for clients, for the other brokers and for the controllers' quorum. */
export interface BrokerPorts {
  readonly id: number
  readonly clientPort: number
  readonly internalPort: number
  readonly controllerPort: number
}

/** A place that clients can connect to. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * The properties file of one broker, which is a controller as well.
 *
 * Clients have a listener of their own, so that what is advertised to them can be a proxy while the brokers speak to
 * each other directly.
 */
export function brokerProperties(
  broker: BrokerPorts,
  all: readonly BrokerPorts[],
  advertised: Address,
  dataDir: string,
  settings: Readonly<Record<string, string>>,
): string {
  const replicas = String(Math.min(3, all.length))
  const inSync = all.length >= 3 ? '2' : '1'
  const internal = `INTERNAL://127.0.0.1:${broker.internalPort}`
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(broker.id),
    'controller.quorum.voters': all.map((each) => `${each.id}@127.0.0.1:${each.controllerPort}`).join(','),
    listeners: `CLIENT://127.0.0.1:${broker.clientPort},${internal},CONTROLLER://127.0.0.1:${broker.controllerPort}`,
    'advertised.listeners': `CLIENT://${advertised.host}:${advertised.port},${internal}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INTERNAL',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT',
    'log.dirs': dataDir,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '3',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    // A broker that died is noticed within seconds, so that fault tests are short.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    'replica.lag.time.max.ms': '3000',
    // The default takes a third of the small heap.
    'log.cleaner.dedupe.buffer.size': '16777216',
    'num.network.threads': '2',
    'num.io.threads': '4',
    ...settings,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
