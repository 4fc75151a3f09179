import type { ExitCode } from './exit-code.js'
import type { Output } from './output/output.js'

/** What every command gets besides its arguments. */
export interface Context {
  readonly output: Output
  readonly environment: NodeJS.ProcessEnv
  readonly cwd: string
  /** How the program ends when no error ends it. */
  readonly ends: { code: ExitCode }
}

/** Options that every command has. */
export interface GlobalOptions {
  readonly output?: string
  readonly quiet?: boolean
  readonly yes?: boolean
  readonly config?: string
  readonly debug?: boolean
}
