import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../errors.js'

/**
 * Refuses what a page of another origin sends: a browser lets any page post without a body to any server that it reaches, such
 * as the one on its own machine. Programs that are no browsers send no `Origin`.
 *
 * @throws {ProblemError} `cross-origin`
 */
export function refuseForeignOrigin(request: FastifyRequest, allowedOrigins: readonly string[]): void {
  const { origin } = request.headers
  if (origin === undefined || allowedOrigins.includes(origin)) return
  if (URL.canParse(origin) && hostOf(origin, request.host) === new URL(origin).host) return
  throw new ProblemError('cross-origin', 'commands are accepted from the pages of this server only: see allowedOrigins')
}

/** The host that a request was sent to, without the port where it is the usual one of the origin's protocol, as in an origin. */
function hostOf(origin: string, host: string): string | undefined {
  const url = `${new URL(origin).protocol}//${host}`
  return URL.canParse(url) ? new URL(url).host : undefined
}
