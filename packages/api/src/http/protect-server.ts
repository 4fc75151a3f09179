import fastifyCors from '@fastify/cors'
import fastifyRateLimit from '@fastify/rate-limit'
import fastifyUnderPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import helmet from 'helmet'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApiConfigurationError, ProblemError } from '../errors.js'

/** How many requests a caller may send. */
export interface RateLimit {
  /** How many in one window, by the caller's address. */
  readonly max: number
  /** How long a window is; 60,000 ms unless said. */
  readonly windowMs?: number
}

/** When the server says that it is busy, so that what it has accepted still ends in time. */
export interface PressureLimits {
  /** How late timers may be; 1,000 ms unless said, never with 0. */
  readonly maxEventLoopDelayMs?: number
  /** How much memory JavaScript may use; as much as there is unless said. */
  readonly maxHeapUsedBytes?: number
}

export interface ProtectionOptions {
  /** Origins of web pages, such as `https://shop.example`, that may use the API besides those of this server; they are told so by CORS. */
  readonly allowedOrigins?: readonly string[]
  /** Limits what one address may send; nothing is limited unless said. Each process counts for itself. */
  readonly rateLimit?: RateLimit
  readonly pressure?: PressureLimits
}

const exposedHeaders = [
  ...['ETag', 'Link', 'Location', 'Retry-After', 'Preference-Applied', 'X-Request-Id', 'X-Correlation-Id'],
  ...['Consistency-Token', 'Projection-Lag', 'Tidemark-Incomplete', 'Tidemark-Stream-Version'],
]

/** What every page of this server may do: show what comes from this server, and nothing else. */
export const contentSecurityPolicy = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
}

/** Protects a whole server: headers for browsers, CORS for given origins, limits for callers, and a refusal when there is too much to do. */
export function protectServer(app: FastifyInstance, options: ProtectionOptions): void {
  const { allowedOrigins = [], rateLimit, pressure } = options
  const headers = securityHeaders()
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(headers)
    done()
  })
  if (allowedOrigins.length > 0) {
    app.register(fastifyCors, {
      origin: [...allowedOrigins],
      methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposedHeaders,
      maxAge: 600,
      strictPreflight: false,
    })
  }
  app.register(fastifyUnderPressure, {
    maxEventLoopDelay: pressure?.maxEventLoopDelayMs ?? 1000,
    maxHeapUsedBytes: pressure?.maxHeapUsedBytes ?? 0,
    pressureHandler: async (request: FastifyRequest) => {
      // A process that is busy lives: to start it again would make others busier.
      if (isProbe(request) || request.routeOptions.url === '/metrics') return
      throw new ProblemError('overloaded', 'the server has too much to do: try again later', {
        headers: { 'retry-after': '5' },
      })
    },
  })
  if (rateLimit) limitRate(app, rateLimit)
}

/** What helmet says to browsers: the same in every answer, so it is asked once and not for each request, which takes as long as reading a row. */
function securityHeaders(): Readonly<Record<string, string>> {
  const said = new Map<string, string>()
  const answer = {
    setHeader: (name: string, value: string) => said.set(name.toLowerCase(), value),
    removeHeader: (name: string) => said.delete(name.toLowerCase()),
  }
  const setHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: contentSecurityPolicy },
    // Whoever ends TLS knows whether all of the domain has it.
    strictTransportSecurity: false,
  })
  setHeaders(undefined as unknown as IncomingMessage, answer as unknown as ServerResponse, (error) => {
    if (error !== undefined) throw error as Error
  })
  return Object.fromEntries(said)
}

function limitRate(app: FastifyInstance, { max, windowMs = 60_000 }: RateLimit): void {
  if (!Number.isInteger(max) || max < 1 || !(windowMs >= 1000)) {
    throw new ApiConfigurationError(
      'rateLimit takes a whole number of requests from 1, and a window of 1,000 ms or more',
    )
  }
  app.register(fastifyRateLimit, { global: false, max, timeWindow: windowMs })
  // A hook of the routes themselves would come after the guard, and would not see who guesses tokens.
  app.after(() => {
    const look = app.createRateLimit()
    app.addHook('onRequest', async (request, reply) => {
      if (isProbe(request)) return
      const seen = await look(request)
      if (seen.isAllowed) return
      const seconds = String(Math.max(1, seen.ttlInSeconds))
      void reply.headers({
        'ratelimit-limit': String(max),
        'ratelimit-remaining': String(seen.remaining),
        'ratelimit-reset': seconds,
      })
      if (!seen.isExceeded) return
      throw new ProblemError('too-many-requests', `more than ${max} requests came from here: wait ${seconds} s`, {
        headers: { 'retry-after': seconds },
      })
    })
  })
}

/** Whether a request asks for the health of the process, which must be answered when others are not. */
function isProbe({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url === '/health/live' || routeOptions.url === '/health/ready'
}
