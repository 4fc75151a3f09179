export { commands, type CommandsOptions } from './commands.js'
export { decodeToken, encodeToken, type ConsistencyToken } from './consistency-token.js'
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
export { isLoopback } from './loopback.js'
export type { ProblemResponseOptions } from './problem-responses.js'
export { problemTypes, type ProblemMember, type ProblemName } from './problem-types.js'
export { readModels, type ReadModelsOptions } from './read-models.js'
export type { ProjectionWaiter } from './read-your-writes.js'
