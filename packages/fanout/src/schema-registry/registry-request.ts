import { setTimeout as sleep } from 'node:timers/promises'
import { BridgeConfigurationError } from '../errors.js'
import { SchemaRegistryRequestError, SchemaRegistryUnavailableError } from './errors.js'

/** Where a schema registry is, and how long its answers are waited for. */
export interface RegistryConnection {
  /** `http://registry:8081`, or with a path where the API is not at the root. */
  readonly url: string
  /** Basic authentication; take the password from the environment. */
  readonly auth?: { readonly username: string; readonly password: string }
  /** How long one try may take; 5,000 ms unless said. */
  readonly timeoutMs?: number
  /** How often a request is tried again while the registry does not answer; 2 unless said. */
  readonly retries?: number
}

/** One request of the registry's API. */
export interface RegistryRequest {
  readonly method?: 'GET' | 'POST' | 'PUT'
  /** Parts of the path, not yet encoded. */
  readonly path: readonly string[]
  readonly query?: string
  readonly body?: unknown
}

/** Sends requests to a registry; the answer is its JSON. */
export type SendToRegistry = (request: RegistryRequest) => Promise<unknown>

const mediaType = 'application/vnd.schemaregistry.v1+json'

/**
 * Prepares requests to a registry.
 *
 * Every request of the API can be repeated, so whatever may pass is tried again: no connection, no answer in time, 429 and 5xx.
 *
 * @throws {BridgeConfigurationError} the address is no HTTP address, or holds a password.
 */
export function registryRequests({ url, auth, timeoutMs = 5000, retries = 2 }: RegistryConnection): SendToRegistry {
  const base = checkUrl(url)
  const headers: Record<string, string> = { accept: `${mediaType}, application/json`, 'content-type': mediaType }
  if (auth) {
    headers['authorization'] = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
  }

  async function tryOnce({ method = 'GET', path, query, body }: RegistryRequest): Promise<unknown> {
    const target = `${base}/${path.map(encodeURIComponent).join('/')}${query === undefined ? '' : `?${query}`}`
    let response: Response
    let text: string
    try {
      response = await fetch(target, {
        method,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      text = await response.text()
    } catch (cause) {
      throw new SchemaRegistryUnavailableError(base, reasonOf(cause, timeoutMs), { cause })
    }
    const answer = parsed(text)
    if (response.ok && answer !== undefined) return answer
    const said = messageOf(answer) ?? text.slice(0, 200)
    if (response.status >= 500 || response.status === 429) {
      throw new SchemaRegistryUnavailableError(base, `it answers ${response.status} ${said}`)
    }
    const what = response.ok ? 'and no JSON, so it is no schema registry' : said
    throw new SchemaRegistryRequestError(response.status, errorCodeOf(answer), `${method} ${target}`, what)
  }

  return async (request) => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await tryOnce(request)
      } catch (error) {
        if (!(error instanceof SchemaRegistryUnavailableError) || attempt >= retries) throw error
        await sleep(100 * 2 ** attempt * (0.5 + Math.random() / 2))
      }
    }
  }
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new BridgeConfigurationError('the address of the schema registry is no URL: write it as http://host:8081')
  }
  if (url.username || url.password) {
    throw new BridgeConfigurationError(
      'the address of the schema registry holds a password: give user and password as "auth" instead',
    )
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '')
}

function reasonOf(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const { cause: inner } = cause
  const code = inner instanceof Error && 'code' in inner ? String(inner.code) : undefined
  return code ?? (inner instanceof Error ? inner.message : cause.message)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function messageOf(answer: unknown): string | undefined {
  return isAnswer(answer) && typeof answer['message'] === 'string' ? answer['message'] : undefined
}

function errorCodeOf(answer: unknown): number | undefined {
  return isAnswer(answer) && typeof answer['error_code'] === 'number' ? answer['error_code'] : undefined
}

/** Whether an answer is a JSON object. */
export function isAnswer(answer: unknown): answer is Readonly<Record<string, unknown>> {
  return typeof answer === 'object' && answer !== null && !Array.isArray(answer)
}
