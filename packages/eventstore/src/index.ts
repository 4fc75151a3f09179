export type { AppendedEvent, AppendResult } from './append-outcome.js'
export {
  Checkpoint,
  checkpointMisfit,
  listCheckpoints,
  pauseCheckpoints,
  resumeCheckpoints,
  type CheckpointPlace,
  type CheckpointStatus,
} from './checkpoint.js'
export { CheckpointBalance, type SharedCheckpoint } from './checkpoint-balance.js'
export { databaseOf, on, run, type Database, type DatabaseOptions, type Queryable, type Statement } from './database.js'
export {
  defineAggregate,
  event,
  reject,
  type Aggregate,
  type AggregateDefinition,
  type AnyAggregate,
  type CommandDefinition,
  type CommandInput,
  type CommandName,
  type Decision,
  type DefineCommand,
  type EventDefinition,
  type EventDefinitions,
  type EventOf,
  type EventOptions,
  type EventToAppend,
  type EvolveEvent,
  type Rejection,
  type StateOf,
  type UnknownEvents,
  type Upcaster,
} from './define-aggregate.js'
export {
  CheckpointLostError,
  CommandRejectedError,
  ConfigurationError,
  DatabaseError,
  EventIdConflictError,
  EventStoreError,
  EventTooLargeError,
  InvalidCommandError,
  InvalidEventError,
  LogMismatchError,
  LogRestoredError,
  OutcomeUnknownError,
  OverloadedError,
  StoreClosedError,
  StoreCorruptError,
  TenancyError,
  TenantRequiredError,
  UnknownCommandError,
  UnknownEventError,
  UnstorableValueError,
  VersionConflictError,
  type CheckpointMisfit,
  type DatabaseErrorKind,
} from './errors.js'
export { deriveEventId, isUuid } from './event-id.js'
export type { EventMetadata, NewEvent, RecordedEvent } from './event.js'
export type {
  AppendOptions,
  EventStoreOptions,
  LoadOptions,
  ReadStreamOptions,
  StreamPart,
  WalkLogOptions,
} from './event-store-options.js'
export type {
  DeliveredBatch,
  EventStorePort,
  RunningSubscription,
  StreamStorePort,
  SubscribeOptions,
} from './event-store-port.js'
export { createEventStore, EventStore, type SubscriptionPlace } from './event-store.js'
export type { ExecuteOptions, ExecuteResult } from './execute-command.js'
export type { ExpectedVersion } from './expected-version.js'
export { presentTypesOf, storedTypesOf } from './event-types.js'
export { failpoint, type Failpoint } from './failpoint.js'
export type { AttachFeederOptions, FedReadModel, FedTable } from './fed-read-model.js'
export type { ApplyEffects, EffectsOfStore, InlineEffects } from './inline-effects.js'
export { fold, upcast } from './fold.js'
export { ImportError, type ImportProblem } from './import/import-error.js'
export { importEvents, type ImportOptions, type ImportReport } from './import/import-events.js'
export { jsonPointer } from './json-pointer.js'
export type { Loaded } from './load-aggregate.js'
export { LeaseKeeper, type Sharing } from './lease-keeper.js'
export type { LogBatch, LogFilter, LogShard, LogSource, ReadLogOptions } from './log-source.js'
export { logWithin } from './log-within.js'
export { silentLogger, type Logger } from './logger.js'
export type { NewEpoch, NewEpochOptions } from './new-epoch.js'
export type { Operable, OperableStatus, Stall } from './operable.js'
export { redactEvent, redactPersonal, type RedactedEvent } from './personal-data/redact-personal.js'
export type { PersonalDeclaration } from './personal-data/declaration.js'
export { PersonalDataUnreadableError, SubjectForgottenError } from './personal-data/errors.js'
export type { ForgetOptions, ForgetResult } from './personal-data/forget-subject.js'
export type { KeyStore, SubjectKey } from './personal-data/key-store.js'
export type { PersonalDataOptions } from './personal-data/vault.js'
export { eventColumns, toEvents, type EventRow } from './sql/event-row.js'
export { sqlStateOf, translateDatabaseError } from './postgres-errors.js'
export {
  checkSchemas,
  compareSchemas,
  listSchemas,
  type CheckSchemasOptions,
  type SchemaStore,
} from './schemas/check-schemas.js'
export { mismatches } from './schemas/compare-json-schemas.js'
export type { Mismatch } from './schemas/compare-values.js'
export { jsonSchemaOf, type JsonSchema, type JsonSchemaObject } from './schemas/json-schema.js'
export type {
  Compatibility,
  RegisteredSchema,
  SchemaCheck,
  SchemaDifference,
  SchemaStatus,
} from './schemas/judge-schemas.js'
export { schemaChanges, type SchemaChange } from './schemas/schema-changes.js'
export { SchemaIncompatibleError } from './schemas/schema-incompatible-error.js'
export type { Subscriber } from './sql/renew-leases.js'
export { selectEventsById } from './sql/select-events-by-id.js'
export type { Head } from './sql/select-head.js'
export { shardExpression } from './sql/select-log.js'
export { selectStreams, type StreamSelection, type StreamSummary } from './sql/select-streams.js'
export { selectStreamShards } from './sql/select-stream-shards.js'
export { selectVersionAt } from './sql/select-version-at.js'
export { selectWaitingAges } from './sql/select-waiting-ages.js'
export { assertStorable, type JsonValue } from './stored-value.js'
export { partOf } from './part-of.js'
export { partsOf, streamIdOf, type StreamId } from './stream-id.js'
export {
  Subscription,
  type SubscriptionBatch,
  type SubscriptionOptions,
  type SubscriptionState,
} from './subscription.js'
export { StreamStore } from './stream-store.js'
export { hasPersonalData } from './personal-data/personal-events.js'
export { hasTenancy } from './tenancy.js'
export { TenantStore } from './tenant-store.js'
export type { SnapshotPolicy } from './snapshot-policy.js'
export { valueChanges, type ValueChange } from './value-changes.js'
export { failSpan, meterOf, openTelemetry, workDurations } from './telemetry/open-telemetry.js'
export { traceEvents, type EventTrace, type TraceOptions } from './trace-events.js'
export { traceStream } from './trace-stream.js'
export { inRolledBackTransaction, inTransaction } from './transaction.js'
export type { TruncateOptions, TruncateResult } from './truncate-stream.js'
export { StreamTruncatedError, TruncationRefusedError, type TruncationRefusal } from './truncation-errors.js'
