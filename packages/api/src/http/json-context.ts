import type { FastifyInstance } from 'fastify'
import { ProblemError } from '../errors.js'

const maxDepth = 20

/**
 * Makes a Fastify context read and write JSON the way of this package.
 *
 * Bodies are `application/json` alone, at most 20 levels deep, without keys that reach for prototypes; an empty one is as good as
 * none. Bigints are written as strings. The schemas of the routes are documentation: zod checks, and nothing is filtered.
 */
export function useJson(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => toJson)
  app.setReplySerializer(toJson)
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body.trim() === '') return done(null, undefined)
    void parse(request, body, (error, value: unknown) => {
      if (error) return done(error)
      if (isDeeperThan(value, maxDepth)) {
        return done(
          new ProblemError('invalid-input', `the body is nested more than ${maxDepth} deep; nothing was written`),
        )
      }
      return done(null, value)
    })
  })
}

/** Writes JSON; bigints, which JSON has no numbers for, become decimal strings. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1))
}
