import { problemTypes, type ProblemMember, type ProblemName } from '../http/problem-types.js'
import { ProblemError, type RequestFault } from '../errors.js'

/** What a command did, as its answer says it. */
export interface ExecutedCommand {
  readonly status: 200 | 201
  readonly streamId: string
  readonly version: string
  readonly position: string
  readonly events: readonly { readonly id: string; readonly version: string; readonly position: string }[]
  /** The `Consistency-Token`. */
  readonly token: string
}

/** Why a command did nothing. */
export interface RefusedCommand {
  readonly problem: ProblemName
  readonly detail: string
  readonly errors: readonly RequestFault[]
  readonly members: Readonly<Record<string, ProblemMember>>
}

/** What became of a command, as it is kept. */
export type CommandOutcome = ExecutedCommand | RefusedCommand

/** What is kept of a problem. */
export function refusalOf({ problem, message, errors, members }: ProblemError): RefusedCommand {
  return { problem, detail: message, errors, members }
}

/** The problem that was kept; one of a name that this code does not know is an internal one. */
export function problemOfRefusal({ problem, detail, errors, members }: RefusedCommand): ProblemError {
  return new ProblemError(Object.hasOwn(problemTypes, problem) ? problem : 'internal', detail, { errors, members })
}

/** Reads what was kept. */
export function outcomeOf(json: string | null): CommandOutcome | undefined {
  return json === null ? undefined : (JSON.parse(json) as CommandOutcome)
}
