import { CliError, ServerError } from '../errors.js'

/** An operation as the admin API shows it. */
export interface OperationView {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly status: 'pending' | 'running' | 'done' | 'failed' | 'cancelled'
  readonly requestedBy: string
  readonly reason: string
  readonly progress?: { readonly done: string; readonly total: string }
  /** What came of it, once it is done. */
  readonly result?: unknown
  readonly error?: { readonly code: string; readonly message: string }
  readonly createdAt: string
  readonly endedAt?: string
}

/** Whether nothing happens with it any more. */
export function hasEnded({ status }: Pick<OperationView, 'status'>): boolean {
  return status !== 'pending' && status !== 'running'
}

/** The path of an operation in the admin API. */
export function pathOf(id: string): string {
  return `/operations/${encodeURIComponent(id)}`
}

/** @throws {ServerError} it failed. @throws {CliError} it was cancelled. */
export function checkDone({ id, status, error }: OperationView): void {
  if (status === 'done') return
  const said = `operation ${id} is ${status}: ${error?.message ?? 'somebody asked for its end'}`
  throw error ? new ServerError(error.code, said) : new CliError(said)
}
