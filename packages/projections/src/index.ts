export { type AnyProjection } from './any-projection.js'
export { columnsOf, type Column, type ColumnKind, type ColumnType } from './columns.js'
export { defineHandler, type HandlerDefinition, type ProjectionHandler } from './define-handler.js'
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
  InvalidRowError,
  ProjectionDefinitionError,
  ProjectionError,
  PromoteBlockedError,
  RebuildRunningError,
  SchemaChangedError,
  UnknownProjectionError,
  VersionNotLiveError,
} from './errors.js'
export { readModelOf, type ReadModel } from './read-model.js'
