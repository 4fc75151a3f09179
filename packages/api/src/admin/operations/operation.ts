import type { ProblemMember } from '../../http/problem-types.js'

export const operationStatuses = ['pending', 'running', 'done', 'failed', 'cancelled'] as const

/** `pending` until a process has room for it. */
export type OperationStatus = (typeof operationStatuses)[number]

/** A change or long work that somebody asked for. */
export interface Operation {
  readonly id: string
  /** What is done, such as `projections.rebuild`. */
  readonly kind: string
  /** What it is done to, such as the name of a projection. */
  readonly target: string
  readonly status: OperationStatus
  readonly requestedBy: string
  readonly reason: string
  readonly correlationId: string | undefined
  /** How far it is, in units of its kind: positions, rows or events. */
  readonly progress: { readonly done: bigint; readonly total: bigint } | undefined
  /** What came of it, once it is done. */
  readonly result: ProblemMember | undefined
  readonly error: OperationFailure | undefined
  /** How many processes have taken it up; more than one where some died. */
  readonly attempts: number
  /** Whether somebody asked for its end. */
  readonly cancelRequested: boolean
  readonly createdAt: Date
  readonly startedAt: Date | undefined
  readonly endedAt: Date | undefined
}

export interface OperationFailure {
  readonly code: string
  readonly message: string
}

/** The same with what the process that runs it needs. */
export interface StoredOperation extends Operation {
  /** The body of the request. */
  readonly input: unknown
  /** Whether it changes anything, so that its begin and its end are in the audit stream. */
  readonly audited: boolean
}

/** Whether nothing happens with it any more. */
export function hasEnded({ status }: Pick<Operation, 'status'>): boolean {
  return status === 'done' || status === 'failed' || status === 'cancelled'
}
