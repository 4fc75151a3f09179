export { admin, type AdminOptions } from './admin/admin.js'
export type {
  AdminBridge,
  AdminBridgeStatus,
  AdminParkedRecord,
  AdminReplay,
  AdminRetriedKey,
} from './admin/admin-bridge.js'
export type { EventConsumer } from './admin/event-types.js'
export { payloadModes, type PayloadMode } from './admin/payload-view.js'
export { type GuardOptions } from './auth/guard.js'
export { roles, type Authentication, type Principal, type Role } from './auth/principal.js'
export { commands, type CommandsOptions } from './commands/commands.js'
export { decodeToken, encodeToken, type ConsistencyToken } from './http/consistency-token.js'
export { createServer, type ServerOptions } from './create-server.js'
export {
  ApiConfigurationError,
  ApiError,
  ProblemError,
  UnauthenticatedHostError,
  type ProblemOptions,
  type RequestFault,
} from './errors.js'
export { health, type HealthOptions, type ReadinessCheck } from './health.js'
export { isLoopback } from './http/loopback.js'
export type { ProblemResponseOptions } from './http/problem-responses.js'
export { problemTypes, type ProblemMember, type ProblemName } from './http/problem-types.js'
export type { LiveRowsOptions } from './read-models/live/live-rows.js'
export { readModels, type ReadModelsOptions } from './read-models/read-models.js'
export type { ProjectionWaiter } from './read-models/read-your-writes.js'
