export { TestServersError, ServerStartError, ServerUnavailableError, CommandFailedError } from './test-servers-error.js'
export { freePort, freePorts } from './process/free-port.js'
export { startPostgres, type PostgresServer } from './postgres/start-postgres.js'
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './postgres/start-embedded-postgres.js'
export { startPgbouncer, type Pgbouncer, type PgbouncerOptions } from './postgres/start-pgbouncer.js'
export { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from './postgres/create-test-database.js'
export type { DatabaseTemplate, TestDatabaseServer } from './postgres/test-databases.js'
export type { SharedServers } from './provided-context.js'
export { startKafka } from './kafka/start-kafka.js'
export { startLocalKafka, type LocalKafkaOptions } from './kafka/start-local-kafka.js'
export type { KafkaServer, KafkaBroker, KafkaUnavailable } from './kafka/kafka-server.js'
export type { Address } from './kafka/broker-properties.js'
export { runKafkaTool, type RunKafkaToolOptions } from './kafka/run-kafka-tool.js'
export {
  startSchemaRegistry,
  type SchemaRegistryServer,
  type SchemaRegistryUnavailable,
} from './schema-registry/start-schema-registry.js'
export { testProgram, type StartProgramOptions } from './process/test-program.js'
export type { FinishedProcess } from './process/run-to-end.js'
export {
  createFaultProxy,
  type FaultProxy,
  type FaultProxyOptions,
  type ProxiedConnection,
} from './proxy/create-fault-proxy.js'
export type { Direction, DropRule, ProxyFaults, SeenBytes } from './proxy/proxy-faults.js'
