import { afterEach, describe, expect, test } from 'vitest'
import {
  createSchemaRegistryClient,
  SchemaRefusedError,
  SchemaRegistryRequestError,
  SchemaRegistryUnavailableError,
  type RegistryConnection,
} from '../../src/index.js'
import { startRegistryDouble, type DoubleAnswer, type SeenRequest } from './registry-double.js'

const schema = { schemaType: 'AVRO', schema: '"string"' } as const
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function connect(
  answer: (request: SeenRequest, nth: number) => DoubleAnswer,
  options: Partial<RegistryConnection> = {},
) {
  const double = await startRegistryDouble(answer)
  closers.push(double.close)
  return { ...double, client: createSchemaRegistryClient({ url: double.url, ...options }) }
}

describe('a registry that fails', () => {
  test.each([
    ['503', { status: 503, body: { error_code: 50302, message: 'no leader' } }, '503 no leader'],
    ['429', { status: 429, body: 'slow down' }, '429 slow down'],
    ['cut', 'cut', 'does not answer'],
  ] as const)('is tried again, and then said to be unavailable: %s', async (_name, answer, reason) => {
    const { client, seen } = await connect(() => answer)
    const error = await client.register('s', schema).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(SchemaRegistryUnavailableError)
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining(reason) })
    expect(seen).toHaveLength(3)
  })

  test('is waited for no longer than said', async () => {
    const { client, seen } = await connect(() => 'hang', { timeoutMs: 50, retries: 1 })
    await expect(client.schemaOf(1)).rejects.toThrow('no answer within 50 ms')
    expect(seen).toHaveLength(2)
  })

  test('is asked again by the next call, and an answer is kept', async () => {
    let fails = true
    const { client, seen } = await connect(
      () => (fails ? { status: 500, body: {} } : { status: 200, body: { id: 7 } }),
      { retries: 0 },
    )
    await expect(client.register('s', schema)).rejects.toThrow(SchemaRegistryUnavailableError)
    fails = false
    expect(await client.register('s', schema)).toBe(7)
    fails = true
    expect(await client.register('s', schema)).toBe(7)
    expect(await client.idOf('s', schema)).toBe(7)
    await expect(client.register('t', schema)).rejects.toThrow(SchemaRegistryUnavailableError)
    expect(seen).toHaveLength(3)
  })

  test('that nobody listens at is unavailable, and its password is in no message', async () => {
    const { url, close } = await startRegistryDouble(() => 'cut')
    await close()
    const client = createSchemaRegistryClient({ url, auth: { username: 'u', password: 'secret' }, retries: 0 })
    const error = await client.register('s', schema).catch((each: unknown) => each)
    expect(error).toMatchObject({
      code: 'FANOUT_SCHEMA_REGISTRY_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(String(error)).not.toContain('secret')
  })
})

describe('a registry that refuses', () => {
  test.each([
    [409, { error_code: 409, message: 'incompatible' }],
    [422, { error_code: 42201, message: 'invalid' }],
  ])('a schema with %i is asked once', async (status, body) => {
    const { client, seen } = await connect(() => ({ status, body }))
    const error = await client.register('s', schema).catch((each: unknown) => each)
    expect(error).toBeInstanceOf(SchemaRefusedError)
    expect(error).toMatchObject({ retryable: false, subject: 's', reasons: [body.message] })
    expect(seen).toHaveLength(1)
  })

  test('a user, or is none, is no refused schema', async () => {
    const { client } = await connect(() => ({ status: 401, body: { error_code: 401, message: 'Unauthorized' } }))
    await expect(client.register('s', schema)).rejects.toMatchObject({
      code: 'FANOUT_SCHEMA_REGISTRY_REQUEST',
      status: 401,
    })
    const page = await connect(() => ({ status: 200, body: '<html>' }))
    await expect(page.client.compatibility()).rejects.toThrow('it is no schema registry')
    // A web server without the API must not look like a registry without the subject.
    const other = await connect(() => ({ status: 404, body: { message: 'no such page' } }))
    await expect(other.client.checkCompatibility('s', schema)).rejects.toThrow(SchemaRegistryRequestError)
  })
})

test('sends user, schema and an encoded subject', async () => {
  const { url, seen } = await connect(() => ({ status: 200, body: { id: 1 } }))
  const client = createSchemaRegistryClient({ url: `${url}/apis/v7/`, auth: { username: 'ü', password: 'p:w' } })
  await client.register('a/b c', schema)
  expect(seen).toEqual([
    {
      method: 'POST',
      url: '/apis/v7/subjects/a%2Fb%20c/versions',
      authorization: `Basic ${Buffer.from('ü:p:w').toString('base64')}`,
      body: schema,
    },
  ])
})

test('asks once, however many ask at once', async () => {
  const { client, seen } = await connect(() => ({ status: 200, body: { schema: '"string"' } }))
  const found = await Promise.all([client.schemaOf(1), client.schemaOf(1), client.schemaOf(1)])
  expect(found).toEqual([schema, schema, schema])
  expect(seen).toHaveLength(1)
})

test("shows the places of an incompatibility, and not the schemas that Confluent's registry tells again", async () => {
  const messages = [
    "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field total has no default', additionalInfo:'total'}",
    '{oldSchemaVersion: 1}',
    '{oldSchema: \'"string"\'}',
  ]
  const { client } = await connect(() => ({ status: 200, body: { is_compatible: false, messages } }))
  expect(await client.checkCompatibility('s', schema)).toEqual({ status: 'incompatible', reasons: [messages[0]] })
})

test.each(['registry:8081', 'ftp://registry', 'http://u:p@registry'])('refuses the address %s', (url) => {
  expect(() => createSchemaRegistryClient({ url })).toThrow(expect.objectContaining({ code: 'FANOUT_CONFIGURATION' }))
})
