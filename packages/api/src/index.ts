export { bearerTokens, type BearerToken } from './auth/bearer-tokens.js'
export { admin, type AdminOptions } from './admin/admin.js'
export type {
  AdminBridge,
  AdminBridgeStatus,
  AdminDrain,
  AdminDrained,
  AdminLane,
  AdminParkedPage,
  AdminParkedRecord,
  AdminReplay,
  AdminRetriedKey,
} from './admin/admin-bridge.js'
export type {
  AdminConsumer,
  AdminConsumerLag,
  AdminMoved,
  AdminPartitionLag,
  AdminReset,
} from './admin/admin-consumer.js'
export type { AdminDatabaseStatus, AdminFinding } from './admin/admin-inspection.js'
export type { EventConsumer } from './admin/event-types.js'
export { payloadModes, type PayloadMode } from './admin/payload-view.js'
export { type GuardOptions } from './auth/guard.js'
export { jwtTokens, type JwtTokensOptions } from './auth/jwt-tokens.js'
export { roles, type Authentication, type Principal, type Role } from './auth/principal.js'
export { commands, type CommandsOptions } from './commands/commands.js'
export type { CommandRule, CommandRules } from './commands/command-rules.js'
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
export { metrics, type MetricsOptions } from './metrics/metrics.js'
export type { BridgeFigures } from './metrics/store-figures.js'
export type { PressureLimits, ProtectionOptions, RateLimit } from './http/protect-server.js'
export type { ProblemResponseOptions } from './http/problem-responses.js'
export { problemTypes, type ProblemMember, type ProblemName } from './http/problem-types.js'
export type { LiveRowsOptions } from './read-models/live/live-rows.js'
export { readModels, type ReadModelsOptions } from './read-models/read-models.js'
export type { ProjectionWaiter } from './read-models/read-your-writes.js'
