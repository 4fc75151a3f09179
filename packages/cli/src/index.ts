export { defineConfig, type ApiConfig, type TidemarkConfig } from './define-config.js'
export {
  CliError,
  ConfigError,
  ConfirmationNeededError,
  ConflictError,
  InterruptedError,
  SurroundingError,
  UnknownNameError,
  UsageError,
} from './errors.js'
export { exitCode, type ExitCode } from './exit-code.js'
