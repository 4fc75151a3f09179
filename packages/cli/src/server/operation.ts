/** An operation as the admin API shows it. */
export interface OperationView {
  readonly id: string
  readonly kind: string
  readonly target: string
  readonly status: 'pending' | 'running' | 'done' | 'failed' | 'cancelled'
  readonly requestedBy: string
  readonly reason: string
  readonly progress?: { readonly done: string; readonly total: string }
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
