export { type AnyProjection } from './any-projection.js'
export { columnsOf, type Column, type ColumnKind, type ColumnType } from './columns.js'
export { defineHandler, type HandlerContext, type HandlerDefinition, type ProjectionHandler } from './define-handler.js'
export {
  defineProjection,
  queriedColumnsOf,
  type EventFrom,
  type FilterOperator,
  type KeyProperty,
  type Projection,
  type ProjectionDefinition,
  type QueryRules,
  type RowHandlers,
  type RowKey,
  type RowOf,
} from './define-projection.js'
export {
  HandlerFailedError,
  HistoryTruncatedError,
  InvalidRowError,
  NoSuchTableError,
  NotComparableError,
  ProjectionDefinitionError,
  ProjectionError,
  ProjectionFedError,
  ProjectionFollowedError,
  PromoteBlockedError,
  ReadModelsRefusedError,
  RebuildRunningError,
  ReplayFailedError,
  SchemaChangedError,
  TableBehindError,
  TableChangedError,
  TableMissingError,
  UnknownProjectionError,
  VersionNotLiveError,
} from './errors.js'
export { consumerFed } from './consumer-fed.js'
export { diffProjection, type DiffOptions, type ProjectionDiff } from './diff-projection.js'
export { inlineProjections } from './inline-projections.js'
export { pauseProjection, resumeProjection } from './pause-projection.js'
export { promoteProjection, rollbackProjection, type PromoteOptions, type PromoteResult } from './promote.js'
export type { DifferentRow } from './sql/diff-tables.js'
export { groupParked, incompleteRows, listParked } from './poison/list-parked.js'
export type { Redriven, RowChange } from './poison/redriven.js'
export { retryParked, skipParked, tryParked, type FailedSelection, type Trial } from './poison/retry-parked.js'
export type { ParkedError, ParkedEvent, ParkedSelection } from './poison/parked-event.js'
export type { PoisonPolicy, PoisonRules } from './poison/poison-rules.js'
export type { ParkedGroup } from './sql/select-parked-groups.js'
export { blame, type Blame, type FieldBlame } from './history/blame.js'
export type { EventReference } from './history/event-reference.js'
export { rowAt, type RowMoment } from './history/row-at.js'
export { rowHistory, type HistoryOptions, type RowVersion } from './history/row-history.js'
export type { ProjectionStore } from './projection-store.js'
export { readModelsIn, ReadModelStore, type ReadModelsInOptions } from './read-models-in.js'
export { readModelOf, type ReadModel } from './read-model.js'
export { parseRow, parseValue, selectExpression, type Row, type RowText } from './row.js'
export type { WaitOptions, WaitResult } from './position-waiter.js'
export { listProjections, type ListProjectionsOptions, type ProjectionStatus } from './projection-status.js'
export { createProjector, type Projector, type ProjectorOptions } from './projector.js'
export {
  rebuildProjection,
  type RebuildOptions,
  type RebuildProgress,
  type RebuildResult,
} from './rebuild-projection.js'
export { replay } from './replay/replay.js'
export type { HandlerReplayResult, ReplayOptions, ReplayResult } from './replay/replay-options.js'
export type { AuditOptions, ProjectionAudit } from './verify/audit.js'
export type { Drift, Unverifiable } from './verify/compare-keys.js'
export {
  verifyProjection,
  type DriftedRow,
  type VerifyOptions,
  type VerifyProgress,
  type VerifyResult,
} from './verify/verify-projection.js'
export { livePlaces, touchedRows, type TouchedRow, type TouchedRows } from './touched-rows.js'
export type { LivePlace } from './sql/select-live-places.js'
export { streamVersionExpression } from './sql/stream-version.js'
export type { TableStatus } from './sql/registry-statements.js'
export type { ProjectionShard, ProjectionTable } from './sql/select-table-shards.js'
