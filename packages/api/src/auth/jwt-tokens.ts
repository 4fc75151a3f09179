import { createLocalJWKSet, createRemoteJWKSet, errors, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose'
import { ApiConfigurationError, ProblemError } from '../errors.js'
import { isLoopback } from '../http/loopback.js'
import { bearerTokenOf, invalidToken } from './bearer-token.js'
import { roles, type Authentication, type Principal, type Role } from './principal.js'

export interface JwtTokensOptions {
  /** Where the issuer publishes its keys; `https:`, but for an issuer on this machine. */
  readonly jwksUrl?: string | URL
  /** The keys themselves, in place of `jwksUrl`: public ones, as a JSON Web Key Set. */
  readonly keySet?: JSONWebKeySet
  /** Who must have issued the tokens: their `iss`. */
  readonly issuer: string
  /** Whom they must be meant for: their `aud`, or one of them. */
  readonly audience: string
  /** The claim with the roles, as a list or a text with spaces; dots reach into objects, as in `realm_access.roles`. `roles` unless said. */
  readonly rolesClaim?: string
  /** The claim with the tenant; without it nobody has one. */
  readonly tenantClaim?: string
  /** The algorithms that are accepted, all of them with public keys; ES256, EdDSA, PS256 and RS256 unless said. */
  readonly algorithms?: readonly string[]
  /** How far the issuer's clock may be off; 30 seconds unless said. */
  readonly clockToleranceSeconds?: number
}

const usualAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256']
const publicKeyAlgorithm = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/

/**
 * Knows callers by JSON Web Tokens of an issuer, sent as `Authorization: Bearer <token>`.
 *
 * A token needs a signature by one of the issuer's keys, the issuer, the audience, a time at which it ends (`exp`) and a subject (`sub`); roles that this
 * package does not know are passed over. A bad token is answered with 401; 503 is answered while the keys cannot be fetched. Keys are fetched when they
 * are needed, kept, and fetched again for a token of an unknown key.
 *
 * @throws {ApiConfigurationError} there is not one source of keys, its address is not `https:`, or an algorithm takes a shared secret.
 *
 * @example
 * const authentication = jwtTokens({
 *   jwksUrl: 'https://login.example/.well-known/jwks.json',
 *   issuer: 'https://login.example/',
 *   audience: 'https://api.shop.example',
 * })
 */
export function jwtTokens(options: JwtTokensOptions): Authentication {
  const { issuer, audience, rolesClaim = 'roles', tenantClaim, algorithms = usualAlgorithms } = options
  if (!issuer || !audience) {
    throw new ApiConfigurationError(
      'jwtTokens needs an issuer and an audience: tokens made for others would do otherwise',
    )
  }
  const refused = algorithms.find((algorithm) => !publicKeyAlgorithm.test(algorithm))
  if (refused !== undefined || algorithms.length === 0) {
    throw new ApiConfigurationError(
      `jwtTokens cannot accept ${JSON.stringify(refused ?? 'no algorithm')}: take those with public keys, such as ${usualAlgorithms.join(', ')}`,
    )
  }
  const keys = keysOf(options)
  const rules = {
    issuer,
    audience,
    algorithms: [...algorithms],
    requiredClaims: ['exp', 'sub'],
    clockTolerance: options.clockToleranceSeconds ?? 30,
  }
  return async (request) => {
    const token = bearerTokenOf(request)
    if (token === undefined) return undefined
    const { payload } = await jwtVerify(token, keys, rules).catch(refuse)
    return principalOf(payload, rolesClaim, tenantClaim)
  }
}

function keysOf({ jwksUrl, keySet }: JwtTokensOptions): ReturnType<typeof createRemoteJWKSet> {
  if ((jwksUrl === undefined) === (keySet === undefined)) {
    throw new ApiConfigurationError('jwtTokens takes its keys from jwksUrl or from keySet: give one of them')
  }
  try {
    if (keySet !== undefined) return createLocalJWKSet(keySet) as ReturnType<typeof createRemoteJWKSet>
    const url = new URL(String(jwksUrl))
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
      return createRemoteJWKSet(url, { timeoutDuration: 5000 })
  } catch (cause) {
    const message =
      keySet === undefined ? 'the jwksUrl of jwtTokens is no URL' : 'the keySet of jwtTokens is no key set'
    throw new ApiConfigurationError(message, { cause })
  }
  throw new ApiConfigurationError('the jwksUrl of jwtTokens is not https:, so anybody on the way could make tokens')
}

/** What speaks against a token itself, and not against fetching keys. */
const faultsOfTokens: readonly (new (...args: never[]) => errors.JOSEError)[] = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
]

function refuse(error: unknown): never {
  if (faultsOfTokens.some((fault) => error instanceof fault)) throw invalidToken(faultOf(error), error)
  throw new ProblemError('unavailable', 'the keys that tokens are checked with cannot be fetched: try again', {
    cause: error,
    headers: { 'retry-after': '5' },
  })
}

/** Says what is wrong with a token without a word of it. */
function faultOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired: get a new one'
  if (error instanceof errors.JWTClaimValidationFailed && /^[a-z]+$/.test(error.claim))
    return `the token's ${error.claim} is missing, or not the one that this server expects`
  return 'the token was not issued for this server, or was changed'
}

function principalOf(payload: JWTPayload, rolesClaim: string, tenantClaim: string | undefined): Principal {
  const { sub } = payload
  if (typeof sub !== 'string' || sub === '') throw invalidToken('the token says no subject (sub)')
  const tenant = tenantClaim === undefined ? undefined : claimOf(payload, tenantClaim)
  return {
    subject: sub,
    roles: rolesAmong(claimOf(payload, rolesClaim)),
    ...(typeof tenant === 'string' && tenant !== '' && { tenant }),
  }
}

/** A claim by its name, which may hold dots itself, or by the way to it. */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name]
  return name
    .split('.')
    .reduce<unknown>(
      (value, part) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, part)
          ? (value as Record<string, unknown>)[part]
          : undefined,
      payload,
    )
}

function rolesAmong(claim: unknown): Role[] {
  const given: readonly unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : []
  return roles.filter((role) => given.includes(role))
}
