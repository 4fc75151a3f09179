import { SurroundingError } from '../errors.js'

/** Where a database is, without its password. */
export function describeDatabase(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  return `${hostname || 'localhost'}:${port || '5432'}${pathname === '/' ? '' : pathname}`
}

/** Says in one line why a database cannot be used, and what to do; told apart by code, never by text. */
export function connectionProblem(cause: unknown, url: string, from: string): SurroundingError {
  const { username, password, pathname, hostname } = new URL(url)
  const server = `Postgres at ${describeDatabase(url)}`
  const correct = `correct ${from}`
  const messages: Readonly<Record<string, string>> = {
    ECONNREFUSED: `no ${server} answers: start it, or ${correct}`,
    ENOTFOUND: `the host "${hostname}" is not known: ${correct}`,
    EAI_AGAIN: `the host "${hostname}" could not be looked up: see the network, or ${correct}`,
    ETIMEDOUT: `${server} did not answer in time: see the network, or ${correct}`,
    '28P01': `${server} refuses the password of user "${decodeURIComponent(username)}": ${correct}`,
    '28000': `${server} does not let user "${decodeURIComponent(username)}" in: see its pg_hba.conf, or ${correct}`,
    '3D000': `there is no database "${pathname.slice(1)}" on ${server}: create it, or ${correct}`,
    '57P03': `${server} is starting or stopping: try again in a moment`,
    '53300': `${server} has no connection left: raise its max_connections, or end some`,
  }
  const code = codeOf(cause)
  const known = code === undefined ? undefined : messages[code]
  if (known !== undefined) return new SurroundingError(known, { cause })
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint = password === '' ? `; ${from} has no password` : ''
  return new SurroundingError(`${server} cannot be used: ${reason}${hint}`, { cause })
}

function codeOf(error: unknown): string | undefined {
  // Several addresses were tried, each with an error of its own.
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
