import type { FastifyInstance, HTTPMethods } from 'fastify'
import { ProblemError } from '../errors.js'
import { undocumented } from './route-document.js'

const methods: readonly HTTPMethods[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE']

/** Answers the methods that a path does not have with 405 and `Allow`, before a body is read. */
export function refuseOtherMethods(app: FastifyInstance, url: string, allowed: readonly HTTPMethods[]): void {
  const allow = allowed.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
  const refuse = async () => {
    throw new ProblemError('method-not-allowed', `this path answers ${allow}`, { headers: { allow } })
  }
  app.route({
    method: methods.filter((method) => !allowed.includes(method)),
    url,
    schema: undocumented,
    onRequest: refuse,
    handler: refuse,
  })
}
