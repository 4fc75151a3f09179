import type { ProblemMember, ProblemName } from './http/problem-types.js'

/** The base of every error that this package throws; `code` is stable and documented. */
export abstract class ApiError extends Error {
  abstract readonly code: string
  readonly retryable: boolean = false
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Thrown when a definition or an option cannot be served; found when the server is made. */
export class ApiConfigurationError extends ApiError {
  override readonly code = 'API_CONFIGURATION'
}

/** Thrown when a server without authentication is told to listen where other machines can reach it. */
export class UnauthenticatedHostError extends ApiError {
  override readonly code = 'API_UNAUTHENTICATED_HOST'
  constructor(readonly host: string) {
    super(
      `the API has no authentication, so it does not listen on ${JSON.stringify(host)}, only on this machine: put a proxy that authenticates in front, or set allowUnauthenticated if the network is trusted`,
    )
  }
}

/** One fault of a request: where it is, and what is wrong there. */
export interface RequestFault {
  /** The JSON pointer into the body, such as `/items/0/price`; empty for the body itself. */
  readonly pointer?: string
  /** The name of the query parameter or header. */
  readonly parameter?: string
  readonly detail: string
}

export interface ProblemOptions extends ErrorOptions {
  readonly errors?: readonly RequestFault[]
  /** More headers of the response, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>
  /** More members of the problem's JSON, beside those of RFC 9457. */
  readonly members?: Readonly<Record<string, ProblemMember>>
}

/** Thrown to answer a request with a problem of RFC 9457; the message becomes its `detail`, so it must hold nothing secret. */
export class ProblemError extends ApiError {
  override readonly code = 'API_PROBLEM'
  readonly errors: readonly RequestFault[]
  readonly headers: Readonly<Record<string, string>>
  readonly members: Readonly<Record<string, ProblemMember>>
  constructor(
    readonly problem: ProblemName,
    detail: string,
    options: ProblemOptions = {},
  ) {
    super(detail, options)
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
    this.members = options.members ?? {}
  }
}
