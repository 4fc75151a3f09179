/** What the command's exit code tells a script. */
export const exitCode = {
  ok: 0,
  failed: 1,
  /** Wrong usage, or a configuration or a surrounding (database, port, broker) that cannot work as it is. */
  usage: 2,
  /** It works, but something is unhealthy or too far behind. */
  unhealthy: 3,
  /** Somebody else does the same already, or it does not go together with what is there. */
  conflict: 4,
  /** It would ask, and there is no terminal to ask on. */
  confirmation: 5,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCode)[keyof typeof exitCode]
