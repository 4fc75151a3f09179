import fastify, { type FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { guard, principalOf } from '../src/auth/guard.js'
import type { Principal, Role } from '../src/index.js'
import { answerWithProblems } from '../src/http/problem-responses.js'

const bySubject: Record<string, Principal> = Object.fromEntries(
  (['reader', 'writer', 'viewer', 'operator', 'admin'] as const).map((role) => [
    role,
    { subject: role, roles: [role] },
  ]),
)
const authentication = ({ headers }: FastifyRequest) => bySubject[headers.authorization ?? '']

function serverFor(role: Role) {
  const app = fastify()
  answerWithProblems(app, {})
  guard(app, { authentication }, role)
  app.get('/', (request) => ({ subject: principalOf(request).subject }))
  return app
}

describe('a guard', () => {
  test.each([
    ['reader', ['reader', 'writer', 'viewer', 'operator', 'admin']],
    ['writer', ['writer', 'admin']],
    ['viewer', ['viewer', 'operator', 'admin']],
    ['operator', ['operator', 'admin']],
    ['admin', ['admin']],
  ] as const)('for %s lets these pass alone: %j', async (role, those) => {
    const app = serverFor(role)
    const passed: string[] = []
    for (const subject of Object.keys(bySubject)) {
      const answer = await app.inject({ url: '/', headers: { authorization: subject } })
      if (answer.statusCode === 200) passed.push(answer.json<{ subject: string }>().subject)
      else expect({ status: answer.statusCode, ...answer.json<object>() }).toMatchObject({ status: 403, role })
    }
    expect(passed).toEqual(those)
  })

  test('asks those who are not known to say who they are', async () => {
    const answer = await serverFor('reader').inject({ url: '/', headers: { authorization: 'nobody' } })
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    expect(answer.json()).toMatchObject({ type: '/problems/unauthenticated' })
  })

  test('passes over roles that there are not', async () => {
    const app = fastify()
    answerWithProblems(app, {})
    const made = ['superuser', '__proto__', 'constructor'] as unknown as Role[]
    guard(app, { authentication: () => ({ subject: 'x', roles: made }) }, 'reader')
    app.get('/', () => 'in')
    expect((await app.inject('/')).statusCode).toBe(403)
  })

  test('is no guard without authentication, and says so', () => {
    expect(() => guard(fastify(), {}, 'reader')).toThrow("or 'none' where another hook or the network sees to it")
  })
})
