/** The base of every error of the fault lab; `code` is stable. */
export class FaultLabError extends Error {
  override readonly name: string = 'FaultLabError'
  readonly code: string = 'FAULTS_FAILED'
}

/** Thrown when the command line, or what it names, cannot be used: nothing was run. */
export class UsageError extends FaultLabError {
  override readonly name = 'UsageError'
  override readonly code = 'FAULTS_USAGE'
}

/** Thrown when a mutant or a stretched window no longer fits the text that it changes: the lab must follow the product. */
export class MutationMissedError extends FaultLabError {
  override readonly name = 'MutationMissedError'
  override readonly code = 'FAULTS_MUTATION_MISSED'
  constructor(what: string, pattern: string) {
    super(`${what} no longer contains "${pattern}": change the fault lab to fit, or the experiment proves nothing`)
  }
}

/** Thrown by an experiment that cannot run on this machine, with the reason: it is skipped, and counted as that. */
export class SkippedError extends FaultLabError {
  override readonly name = 'SkippedError'
  override readonly code = 'FAULTS_SKIPPED'
}
