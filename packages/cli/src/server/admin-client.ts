import { Option, type Command } from 'commander'
import {
  CliError,
  ConfigError,
  ConflictError,
  ServerError,
  SurroundingError,
  UnknownNameError,
  UsageError,
} from '../errors.js'

const answerWithinMs = 30_000

/** The parameters of a request. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** Adds what names the server of a verb that works through one. */
export function withServerOption(command: Command): Command {
  return command.addOption(
    new Option('--server <url>', 'where the API of `tidemark start` is; a token comes from TIDEMARK_TOKEN').env(
      'TIDEMARK_SERVER',
    ),
  )
}

/** Asks a server, most of all its admin API. */
export class AdminClient {
  private readonly base: URL

  /** @throws {ConfigError} no server is named, or not by an address. */
  constructor(
    server: string | undefined,
    private readonly token: string | undefined,
  ) {
    if (server === undefined)
      throw new ConfigError('no server is named: say --server, or set TIDEMARK_SERVER, such as http://127.0.0.1:4400')
    if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
      throw new ConfigError('--server is no address of a server: write it as http://127.0.0.1:4400')
    this.base = new URL(server)
    if (this.base.password !== '')
      throw new ConfigError('--server has a password, which everybody on this machine can see: set TIDEMARK_TOKEN')
  }

  /** @param query what is undefined is left out; a list is a parameter that is repeated. */
  get<T>(path: string, query: Query = {}): Promise<T> {
    const given = Object.entries(query).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : (value ?? [])).map((each): [string, string] => [name, each]),
    )
    const parameters = given.length > 0 ? `?${new URLSearchParams(given).toString()}` : ''
    return this.send<T>('GET', `/admin/v1${path}${parameters}`)
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.send<T>('POST', `/admin/v1${path}`, body)
  }

  /** The OpenAPI document of all that the server has. */
  openapi(): Promise<unknown> {
    return this.send('GET', '/openapi.json')
  }

  /**
   * @throws {SurroundingError} the server does not answer, or does not let us in. @throws {ConflictError} it cannot be done as things are.
   * @throws {ServerError} @throws {CliError} the server refused.
   */
  private async send<T>(method: string, path: string, body?: object): Promise<T> {
    const url = new URL(`${this.base.pathname.replace(/\/$/, '')}${path}`, this.base)
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(answerWithinMs),
      headers: {
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      if (cause instanceof DOMException && cause.name === 'TimeoutError')
        throw new SurroundingError(`${this.base.origin} did not answer within ${answerWithinMs / 1000} s`, { cause })
      throw new SurroundingError(`no server answers at ${this.base.origin}: start it, or correct --server`, { cause })
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (response.ok && answer !== undefined) return answer as T
    throw refusal(response.status, answer, this.base.origin)
  }
}

interface Problem {
  readonly type?: string
  readonly title?: string
  readonly detail?: string
  /** The code of the error that it is about. */
  readonly code?: string
}

/** What a command that works with the database refuses as wrong usage. */
const asUsage: ReadonlySet<string | undefined> = new Set(['invalid-input', 'invalid-parameter', 'not-a-read-model'])

/** What is not in the configuration of the server. */
const namesOfCode: ReadonlySet<string> = new Set([
  'unknown-aggregate',
  'unknown-projection',
  'unknown-bridge',
  'unknown-consumer',
  'unknown-tenant',
])

/** What is not in the store. */
const things: ReadonlySet<string> = new Set(['unknown-stream', 'unknown-event', 'version-not-found'])

class NothingThereError extends CliError {}

/** What a server answers; undefined where it knows no such stream, event or version. */
export async function ifThere<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof NothingThereError) return undefined
    throw error
  })
}

function refusal(status: number, answer: unknown, origin: string): Error {
  const { type, title, detail, code } = (answer ?? {}) as Problem
  const problem = type?.split('/').at(-1)
  const said = detail ?? title
  if (said === undefined)
    return new SurroundingError(
      `${origin} answers with status ${status}, and is no server of Tidemark with an admin API: correct --server`,
    )
  if (status === 401) return new SurroundingError(`${origin} asks who you are: set TIDEMARK_TOKEN (${said})`)
  if (status === 403) return new SurroundingError(`${origin} does not allow that to you: ${said}`)
  if (code !== undefined) return new ServerError(code, said)
  if (asUsage.has(problem)) return new UsageError(said)
  if (status === 503) return new SurroundingError(said)
  if (problem !== undefined && namesOfCode.has(problem)) return new UnknownNameError(said)
  if (problem !== undefined && things.has(problem)) return new NothingThereError(said)
  return status === 409 && problem !== 'action-refused' ? new ConflictError(said) : new CliError(said)
}
