import { createHash, timingSafeEqual } from 'node:crypto'
import { ApiConfigurationError } from '../errors.js'
import { bearerTokenOf, invalidToken } from './bearer-token.js'
import { roles, type Authentication, type Principal } from './principal.js'

/** A token that is given out by hand, and whom it stands for. */
export interface BearerToken extends Principal {
  /** At least 32 visible ASCII characters, made at random: `openssl rand -hex 32`. */
  readonly token: string
}

const shortestToken = 32

/**
 * Knows callers by tokens that do not change, sent as `Authorization: Bearer <token>`: for programs, and for trying things out.
 *
 * Tokens are compared in the same time whatever they are, and kept as their SHA-256. Several tokens may stand for one subject, so that one can be
 * replaced while the other still works. Read them from the environment or a file of secrets, never from code.
 *
 * @throws {ApiConfigurationError} there is none, one is short or given twice, or has an unknown role or no subject; the message names its
 * place in the list, never the token.
 *
 * @example
 * const authentication = bearerTokens([{ token: process.env.SHOP_TOKEN ?? '', subject: 'shop', roles: ['writer'] }])
 */
export function bearerTokens(tokens: readonly BearerToken[]): Authentication {
  if (tokens.length === 0) throw new ApiConfigurationError('bearerTokens has no token, so it would let nobody in')
  const known = tokens.map(({ token, ...principal }, index) => {
    checkToken(token, principal, index)
    return { digest: digestOf(token), principal }
  })
  for (const [index, { digest }] of known.entries()) {
    if (known.findIndex((other) => other.digest.equals(digest)) !== index)
      throw new ApiConfigurationError(`token ${index + 1} of bearerTokens stands there twice: who would it be?`)
  }
  return (request) => {
    const token = bearerTokenOf(request)
    if (token === undefined) return undefined
    const digest = digestOf(token)
    let found: Principal | undefined
    // All are looked at, so that the time tells nothing of where the one is that fits.
    for (const { digest: own, principal } of known) if (timingSafeEqual(own, digest)) found = principal
    if (!found) throw invalidToken('the token is not one of this server')
    return found
  }
}

function checkToken(token: unknown, { subject, roles: given }: Principal, index: number): void {
  const which = `token ${index + 1} of bearerTokens`
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token) || token.length < shortestToken) {
    throw new ApiConfigurationError(
      `${which} is not at least ${shortestToken} visible ASCII characters, so it could be guessed: make one with openssl rand -hex 32`,
    )
  }
  if (subject === '') throw new ApiConfigurationError(`${which} has no subject, so nobody could tell who used it`)
  const unknown = given.find((role) => !roles.includes(role))
  if (unknown !== undefined) {
    throw new ApiConfigurationError(`${which} has the role ${JSON.stringify(unknown)}: there is ${roles.join(', ')}`)
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
