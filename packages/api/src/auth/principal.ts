import type { FastifyRequest } from 'fastify'

const includes = {
  reader: ['reader'],
  writer: ['writer', 'reader'],
  viewer: ['viewer', 'reader'],
  operator: ['operator', 'viewer', 'reader'],
  admin: ['admin', 'operator', 'viewer', 'writer', 'reader'],
} as const

/**
 * What a caller may do: `reader` read models; `writer` also commands; `viewer` read models, and the log and operations with payloads masked;
 * `operator` also pause, rebuild and redrive; `admin` everything.
 */
export type Role = keyof typeof includes

/** All roles. */
export const roles = Object.keys(includes) as readonly Role[]

/** Who sent a request. */
export interface Principal {
  /** Whom the audit and the events name, such as the `sub` of a token. */
  readonly subject: string
  readonly roles: readonly Role[]
  /** The only tenant whose data it may touch; a store with tenancy answers nobody without one but operators and admins, who see no payloads then. */
  readonly tenant?: string
}

/**
 * Finds out who sent a request; undefined for nobody that is known, which is answered with 401.
 *
 * What it throws is answered with 500, unless it is a `ProblemError`.
 */
export type Authentication = (request: FastifyRequest) => Principal | undefined | Promise<Principal | undefined>

/** Whether a caller has a role, or one that includes it. */
export function hasRole(principal: Principal, role: Role): boolean {
  // A function that finds callers out may give roles of others' making.
  return principal.roles.some(
    (own) => Object.hasOwn(includes, own) && (includes[own] as readonly Role[]).includes(role),
  )
}
