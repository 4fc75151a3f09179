import type { FastifyRequest } from 'fastify'
import { ProblemError } from '../errors.js'

/** The token of `Authorization: Bearer <token>`, by RFC 6750; undefined without the header, or with one of another scheme. */
export function bearerTokenOf({ headers }: FastifyRequest): string | undefined {
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(headers.authorization ?? '') ?? []
  return token
}

/** What a token is answered with that does not say who its bearer is; it tells what is wrong with the token, and never the token. */
export function invalidToken(detail: string, cause?: unknown): ProblemError {
  return new ProblemError('unauthenticated', detail, {
    cause,
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  })
}
