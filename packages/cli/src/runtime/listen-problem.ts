import { SurroundingError } from '../errors.js'

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: end that, or choose another port with PORT or --port',
  EACCES: 'may not be used by this user: choose one above 1023 with PORT or --port',
  EADDRNOTAVAIL: 'is not an address of this machine: choose another with --host',
  ENOTFOUND: 'has a host that is not known: choose another with --host',
}

/** Says why the API cannot listen, and what to do; an error that has other causes is returned as it is. */
export function listenProblem(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = reasons[code]
  return reason === undefined ? error : new SurroundingError(`port ${port} at ${host} ${reason}`, { cause: error })
}
