import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiConfigurationError, ProblemError } from '../errors.js'
import { hasRole, type Authentication, type Principal, type Role } from './principal.js'

export interface GuardOptions {
  /**
   * Who sent a request, such as {@link bearerTokens} or {@link jwtTokens}; `'none'` where nobody is asked, since others do before or only this machine
   * can reach it. There is no default: nothing is open because something was forgotten.
   */
  readonly authentication: Authentication | 'none'
}

const everybody: Principal = { subject: 'anonymous', roles: ['admin'] }
const principals = new WeakMap<FastifyRequest, Principal>()

/**
 * Lets only those who have a role reach the routes of a Fastify context: 401 for nobody that is known, 403 for another role.
 *
 * @throws {ApiConfigurationError} there is no `authentication`.
 */
export function guard(app: FastifyInstance, { authentication }: Partial<GuardOptions>, role: RoleOf): void {
  if (authentication === undefined)
    throw new ApiConfigurationError(
      "nobody said who may send requests: give `authentication`, such as bearerTokens(…), or 'none' where another hook or the network sees to it",
    )
  app.addHook('onRequest', async (request) => {
    const principal = authentication === 'none' ? everybody : await authentication(request)
    if (!principal)
      throw new ProblemError('unauthenticated', 'say who you are: send Authorization: Bearer and a token', {
        headers: { 'www-authenticate': 'Bearer' },
      })
    const needed = typeof role === 'string' ? role : role(request)
    if (!hasRole(principal, needed))
      throw new ProblemError('forbidden', `this takes the role ${needed}, which your token does not give`, {
        members: { role: needed },
      })
    principals.set(request, principal)
  })
}

/** Whom events and the audit name for a request that passed {@link guard}; undefined where nobody was asked. */
export function actorOf(request: FastifyRequest): string | undefined {
  const principal = principalOf(request)
  return principal === everybody ? undefined : principal.subject
}

/** A role, or what gives the one that a request needs. */
export type RoleOf = Role | ((request: FastifyRequest) => Role)

/** Who sent a request that passed {@link guard}. */
export function principalOf(request: FastifyRequest): Principal {
  const principal = principals.get(request)
  if (!principal) throw new Error('the request has passed no guard')
  return principal
}
