export { Bridge, createBridge, type RunBridgeOptions } from './bridge/bridge.js'
export type { SendOptions } from './bridge/bridge-options.js'
export { listBridges, type BridgeStatus, type LaneStatus, type ListBridgesOptions } from './bridge/bridge-status.js'
export { checkpointNameOf } from './bridge/lane-names.js'
export { checkPublished, type ExpectedEvent, type PublishedRecord, type PublishedReport } from './check-published.js'
export { cloudEventHeaders, type CloudEventContext } from './bridge/cloud-event-headers.js'
export { debeziumOutbox } from './bridge/debezium-outbox.js'
export { defineBridge, type BridgeDefinition, type BridgeOptions } from './bridge/define-bridge.js'
export { drainBridge, type Drained, type DrainBridgeOptions } from './bridge/drain-bridge.js'
export type { EventPattern, FieldPattern, FieldPatterns, ValueTest } from './bridge/event-pattern.js'
export { listParkedRecords } from './bridge/list-parked-records.js'
export { operableBridge, type OperableBridge, type OperableBridgeOptions } from './bridge/operable-bridge.js'
export { pauseBridge, resumeBridge } from './bridge/pause-bridge.js'
export { replayToTopic, type ReplayedToTopic, type ReplayToTopicOptions } from './bridge/replay-to-topic.js'
export { retryParkedRecords, type RetriedKey, type RetryParkedRecordsOptions } from './bridge/retry-parked-records.js'
export type { ParkedRecord, ParkedRecordPage, ParkedRecordSelection } from './sql/select-parked-records.js'
export type { TopicChoice, TopicRule } from './bridge/topic-choice.js'
export {
  BatchTooLargeError,
  BridgeConfigurationError,
  BrokerUnavailableError,
  DrainIncompleteError,
  EventNotPublishableError,
  FanoutError,
  KafkaRefusedError,
  LaneCountDiffersError,
  PartitionCountChangedError,
  ProducerClosedError,
  SendAbortedError,
  TopicCompactedError,
  TopicMissingError,
  TransactionsUnsupportedError,
  UnacknowledgedError,
} from './errors.js'
export type {
  KafkaProducerPort,
  KafkaRecord,
  KafkaTransactions,
  NewTopic,
  RawKafkaRecord,
  TailRecord,
  TopicSettings,
} from './kafka-producer-port.js'
export type { KafkaAdminPort, PartitionOffset } from './kafka-admin-port.js'
export { createKafkaAdmin } from './kafkajs/kafkajs-admin.js'
export type { KafkaConnectionOptions } from './kafka-connection.js'
export { createKafkaProducer } from './kafkajs/kafkajs-producer.js'
export { createPlatformaticProducer } from './platformatic/platformatic-producer.js'
export { partitionFor } from './partition-for.js'
export { causedBy } from './consumer/caused-by.js'
export {
  Consumer,
  createConsumer,
  type ConsumerStatus,
  type KafkaPorts,
  type RunConsumerOptions,
} from './consumer/consumer.js'
export type { ConsumerCounts } from './consumer/batch-runner.js'
export type { Inbox, Retry } from './consumer/consumer-rules.js'
export type { GroupState } from './consumer/consumer-admin.js'
export { readConsumerLag, type ConsumerLag, type PartitionLag } from './consumer/consumer-lag.js'
export { decodeRecord, type ConsumedEvent } from './consumer/decode-record.js'
export {
  defineBatchConsumer,
  defineConsumer,
  type ConsumeBatchContext,
  type ConsumeContext,
  type ConsumedFrom,
  type ConsumerDefinition,
  type ConsumerOfBatches,
  type ConsumerOfEvents,
  type ConsumerOptions,
  type DeadLetter,
  type DeadLetterOptions,
  type EventHandlers,
  type RecordPolicy,
} from './consumer/define-consumer.js'
export type { Causes } from './consumer/wait-for-causes.js'
export {
  CauseMissingError,
  ClaimLostError,
  ConsumerConfigurationError,
  GroupActiveError,
  HandlingGivenUpError,
  NotRetriableError,
  RecordsGoneError,
  StreamGapError,
  UndecodableRecordError,
  UnknownEventTypeError,
} from './consumer/errors.js'
export { forgetInbox, pruneInbox, type ConsumerDatabase } from './consumer/inbox.js'
export type {
  BatchControl,
  BatchOutcome,
  ConsumedBatch,
  ConsumedRecord,
  ConsumeOptions,
  KafkaConsumerPort,
} from './consumer/kafka-consumer-port.js'
export { createKafkaConsumer } from './kafkajs/kafkajs-consumer.js'
export { operableConsumer, type OperableConsumer, type ResetAndForget } from './consumer/operable-consumer.js'
export {
  countDeadLetters,
  redriveDeadLetters,
  type RedriveOptions,
  type RedriveReport,
} from './consumer/redrive-dead-letters.js'
export {
  resetConsumer,
  type ResetConsumerOptions,
  type ResetPartition,
  type ResetTarget,
} from './consumer/reset-consumer.js'
export {
  createProjectionConsumer,
  ProjectionConsumer,
  type ProjectionConsumerOptions,
  type ProjectionConsumerStatus,
} from './feed/projection-consumer.js'
export type { PayloadSerializer } from './payload-serializer.js'
export {
  checkRegistry,
  type RegistryCheck,
  type RegistryCheckOptions,
  type RegistryStatus,
} from './schema-registry/check-registry.js'
export {
  createSchemaRegistryDeserializer,
  type PayloadDeserializer,
  type ReadPayload,
  type SchemaRegistryDeserializerOptions,
} from './schema-registry/create-schema-registry-deserializer.js'
export {
  createSchemaRegistrySerializer,
  type SchemaRegistrySerializerOptions,
} from './schema-registry/create-schema-registry-serializer.js'
export {
  PayloadUnreadableError,
  SchemaNotExpressibleError,
  SchemaNotRegisteredError,
  SchemaRefusedError,
  SchemaRegistryRequestError,
  SchemaRegistryUnavailableError,
  ValueMisfitError,
} from './schema-registry/errors.js'
export { eventCodec, type EventCodec, type PayloadFormat } from './schema-registry/event-codecs.js'
export { eventRoutes, type EventRoute, type RegistryFormat } from './schema-registry/event-routes.js'
export type { RegistryConnection } from './schema-registry/registry-request.js'
export {
  createSchemaRegistryClient,
  SchemaRegistryClient,
  type CompatibilityAnswer,
  type RegistryCompatibility,
  type RegistrySchema,
} from './schema-registry/schema-registry-client.js'
export { subjectName, type SubjectNames } from './schema-registry/subject-names.js'
export { framePayload, unframePayload, type FramedPayload } from './schema-registry/wire-format.js'
