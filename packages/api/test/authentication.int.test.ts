import fastify, { type FastifyInstance } from 'fastify'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose'
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { guard, principalOf } from '../src/auth/guard.js'
import { answerWithProblems } from '../src/http/problem-responses.js'
import { ApiConfigurationError, bearerTokens, jwtTokens, type Authentication } from '../src/index.js'

function serverFor(authentication: Authentication): FastifyInstance {
  const app = fastify()
  answerWithProblems(app, {})
  guard(app, { authentication }, 'reader')
  app.get('/', (request) => principalOf(request))
  return app
}

const ask = (app: FastifyInstance, authorization?: string) =>
  app.inject({ url: '/', headers: authorization === undefined ? {} : { authorization } })

describe('bearer tokens', () => {
  const token = 'a'.repeat(16) + 'b'.repeat(16)
  const other = 'c'.repeat(32)

  test('stand for those whom they were given to, and for nobody else', async () => {
    const app = serverFor(
      bearerTokens([
        { token, subject: 'shop', roles: ['reader'], tenant: 'acme' },
        { token: other, subject: 'writer', roles: ['writer'] },
      ]),
    )
    expect((await ask(app, `Bearer ${token}`)).json()).toEqual({ subject: 'shop', roles: ['reader'], tenant: 'acme' })
    expect((await ask(app, `bearer ${other}`)).json()).toEqual({ subject: 'writer', roles: ['writer'] })
    expect((await ask(app)).headers['www-authenticate']).toBe('Bearer')
    for (const wrong of [`Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Bearer ${token.toUpperCase()}`]) {
      const answer = await ask(app, wrong)
      expect(answer.statusCode, wrong).toBe(401)
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
      expect(answer.body).not.toContain(token.slice(1, 20))
    }
    for (const none of [token, `Basic ${token}`, 'Bearer', `Bearer ${token} ${token}`])
      expect((await ask(app, none)).statusCode, none).toBe(401)
  })

  test.each([
    [[], 'no token'],
    [[{ token: 'short-secret', subject: 's', roles: ['reader'] }], 'could be guessed'],
    [[{ token: undefined as never, subject: 's', roles: ['reader'] }], 'could be guessed'],
    [[{ token: `${token} ${other}`, subject: 's', roles: ['reader'] }], 'could be guessed'],
    [[{ token, subject: '', roles: ['reader'] }], 'no subject'],
    [[{ token, subject: 's', roles: ['root' as 'reader'] }], '"root"'],
    [
      [
        { token, subject: 'a', roles: ['reader'] },
        { token, subject: 'b', roles: ['admin'] },
      ],
      'token 2 of bearerTokens stands there twice',
    ],
  ] as const)('that are unusable are refused without a word of them: %#', (tokens, message) => {
    let refusal: unknown
    try {
      bearerTokens(tokens)
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(ApiConfigurationError)
    expect(String(refusal)).toContain(message)
    for (const { token: secret } of tokens) if (secret) expect(String(refusal)).not.toContain(secret)
  })
})

describe('JSON Web Tokens', () => {
  const issuer = 'https://login.example/'
  const audience = 'https://api.example'
  let own: CryptoKey
  let foreign: CryptoKey
  let publicKey: Awaited<ReturnType<typeof exportJWK>>
  let jwksServer: Server
  let jwksUrl: string
  let jwksStatus = 200
  let fetches = 0
  let app: FastifyInstance
  beforeAll(async () => {
    const pair = await generateKeyPair('RS256')
    own = pair.privateKey
    publicKey = { ...(await exportJWK(pair.publicKey)), kid: 'k-1', alg: 'RS256' }
    foreign = (await generateKeyPair('RS256')).privateKey
    jwksServer = createServer((_request, response) => {
      fetches++
      response.writeHead(jwksStatus, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ keys: [publicKey] }))
    })
    await new Promise<void>((resolve) => jwksServer.listen(0, '127.0.0.1', resolve))
    jwksUrl = `http://127.0.0.1:${(jwksServer.address() as AddressInfo).port}/jwks.json`
    app = serverFor(jwtTokens({ jwksUrl, issuer, audience, tenantClaim: 'org' }))
  })
  afterAll(async () => {
    await app.close()
    await new Promise((resolve) => jwksServer.close(resolve))
  })

  const claims = { iss: issuer, aud: audience, sub: 'u-1', roles: ['reader'] }
  interface Signing {
    readonly key?: CryptoKey
    readonly kid?: string
    readonly expires?: string | number | null
  }
  const sign = (payload: JWTPayload, { key = own, kid = 'k-1', expires = '5m' }: Signing = {}) => {
    const jwt = new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid })
    if (expires !== null) jwt.setExpirationTime(expires)
    return jwt.sign(key)
  }
  const base64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)

  test('say who their bearer is, with the roles that are known; the keys are fetched once', async () => {
    const payload = { ...claims, roles: ['reader', 'superuser', 7, 'viewer'], org: 'acme' }
    for (let time = 0; time < 3; time++)
      expect((await ask(app, `Bearer ${await sign(payload)}`)).json()).toEqual({
        subject: 'u-1',
        roles: ['reader', 'viewer'],
        tenant: 'acme',
      })
    expect(fetches).toBe(1)
    expect((await ask(app, `Bearer ${await sign({ ...claims, roles: 'superuser' })}`)).statusCode).toBe(403)
    expect((await ask(app, `Bearer ${await sign({ ...claims, roles: 'x reader' })}`)).json()).toMatchObject({
      roles: ['reader'],
    })
    expect((await ask(app)).statusCode).toBe(401)
  })

  test('find roles where an issuer puts them, with keys at hand', async () => {
    const keySet = { keys: [publicKey] }
    for (const [rolesClaim, payload] of [
      ['realm_access.roles', { ...claims, roles: [], realm_access: { roles: ['admin'] } }],
      ['https://example/roles', { ...claims, roles: [], 'https://example/roles': ['admin'] }],
    ] as const) {
      const server = serverFor(jwtTokens({ keySet, issuer, audience, rolesClaim }))
      expect((await ask(server, `Bearer ${await sign(payload)}`)).json()).toEqual({ subject: 'u-1', roles: ['admin'] })
    }
  })

  test.each<[string, () => string | Promise<string>]>([
    ['a foreign key', () => sign(claims, { key: foreign })],
    ['an unknown key', () => sign(claims, { key: foreign, kid: 'k-2' })],
    ['an end in the past', () => sign(claims, { expires: now - 3600 })],
    ['no end', () => sign(claims, { expires: null })],
    ['another audience', () => sign({ ...claims, aud: 'https://other.example' })],
    ['another issuer', () => sign({ ...claims, iss: 'https://evil.example' })],
    ['no audience', () => sign({ iss: issuer, sub: 'u-1', roles: ['reader'] })],
    ['no subject', () => sign({ iss: issuer, aud: audience, roles: ['reader'] })],
    ['a beginning in the future', () => sign({ ...claims, nbf: now + 3600 })],
    ['no signature', () => `${base64({ alg: 'none' })}.${base64({ ...claims, exp: now + 60 })}.`],
    [
      'the public key as a shared secret',
      () => {
        const content = `${base64({ alg: 'HS256', kid: 'k-1' })}.${base64({ ...claims, exp: now + 60 })}`
        return `${content}.${createHmac('sha256', JSON.stringify(publicKey)).update(content).digest('base64url')}`
      },
    ],
    [
      'changed claims',
      async () => {
        const [head, , signature] = (await sign(claims)).split('.')
        return [head, base64({ ...claims, roles: ['admin'], exp: now + 60 }), signature].join('.')
      },
    ],
    ['no form', () => 'nonsense'],
  ])('with %s are refused', async (_what, make) => {
    const token = await make()
    const answer = await ask(app, `Bearer ${token}`)
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    expect(answer.json()).toMatchObject({ type: '/problems/unauthenticated' })
    expect(answer.body).not.toContain(token)
  })

  test('are answered with 503 while the keys cannot be fetched, and taken once they can', async () => {
    const late = serverFor(jwtTokens({ jwksUrl, issuer, audience }))
    jwksStatus = 500
    const unavailable = await ask(late, `Bearer ${await sign(claims)}`)
    expect(unavailable.statusCode).toBe(503)
    expect(unavailable.json()).toMatchObject({ type: '/problems/unavailable' })
    expect(unavailable.headers['retry-after']).toBe('5')
    jwksStatus = 200
    expect((await ask(late, `Bearer ${await sign(claims)}`)).statusCode).toBe(200)
    const nowhere = serverFor(jwtTokens({ jwksUrl: 'http://127.0.0.1:1/jwks.json', issuer, audience }))
    expect((await ask(nowhere, `Bearer ${await sign(claims)}`)).statusCode).toBe(503)
  })

  test.each([
    [{}, 'give one of them'],
    [{ jwksUrl: 'https://login.example/jwks', keySet: { keys: [] } }, 'give one of them'],
    [{ jwksUrl: 'http://login.example/jwks' }, 'not https:'],
    [{ jwksUrl: 'nonsense' }, 'no URL'],
    [{ jwksUrl: 'https://login.example/jwks', algorithms: ['HS256'] }, '"HS256"'],
    [{ jwksUrl: 'https://login.example/jwks', algorithms: ['none'] }, '"none"'],
    [{ jwksUrl: 'https://login.example/jwks', algorithms: [] }, 'no algorithm'],
    [{ jwksUrl: 'https://login.example/jwks', audience: '' }, 'an audience'],
  ])('are not accepted by rules that would let others make them: %#', (options, message) => {
    expect(() => jwtTokens({ issuer, audience, ...options })).toThrow(message)
  })
})
