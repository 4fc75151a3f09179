import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { resolveSettings } from '../src/config/resolve-settings.js'
import type { TidemarkConfig } from '../src/define-config.js'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))

const loaded = (config: Partial<TidemarkConfig> = {}) => ({
  config: { aggregates: [], ...config },
  path: join(folder, 'tidemark.config.ts'),
  folder,
})
const fromFile = { database: { url: 'postgres://file/db' }, api: { port: 1 }, kafka: { brokers: ['file:9092'] } }
const fromEnvironment = { DATABASE_URL: 'postgres://env/db', PORT: '2', KAFKA_BROKERS: 'a:9092, b:9093' }

describe('settings', () => {
  it('have defaults for everything but the database', () => {
    expect(resolveSettings(loaded(), {})).toEqual({
      database: undefined,
      schema: 'tidemark',
      host: '127.0.0.1',
      port: 4400,
      brokers: [],
    })
  })

  it('come from the file, above it the environment, above that the flags', () => {
    expect(resolveSettings(loaded(fromFile), {})).toMatchObject({
      database: { url: 'postgres://file/db', from: 'configuration file' },
      port: 1,
      brokers: ['file:9092'],
    })
    expect(resolveSettings(loaded(fromFile), fromEnvironment)).toMatchObject({
      database: { url: 'postgres://env/db', from: 'DATABASE_URL' },
      port: 2,
      brokers: ['a:9092', 'b:9093'],
    })
    expect(resolveSettings(loaded(fromFile), fromEnvironment, { port: '3', host: '::1' })).toMatchObject({
      port: 3,
      host: '::1',
    })
  })

  it('take the password of a schema registry from the environment only', () => {
    const { registry } = resolveSettings(loaded({ schemaRegistry: { format: 'avro', url: 'http://file:1' } }), {})
    expect(registry).toEqual({ url: 'http://file:1' })
    const environment = {
      ...{ SCHEMA_REGISTRY_URL: 'http://env:2', SCHEMA_REGISTRY_USERNAME: 'u', SCHEMA_REGISTRY_PASSWORD: 'p' },
    }
    expect(resolveSettings(loaded(), environment).registry).toEqual({
      url: 'http://env:2',
      auth: { username: 'u', password: 'p' },
    })
  })

  it('take an empty variable for one that is not set', () => {
    const settings = resolveSettings(loaded(fromFile), { DATABASE_URL: '', PORT: '', KAFKA_BROKERS: '' })
    expect(settings).toMatchObject({ database: { from: 'configuration file' }, port: 1, brokers: ['file:9092'] })
  })

  it.each([
    [{ DATABASE_URL: 'mysql://host/db' }, 'DATABASE_URL is not a Postgres URL'],
    [{ DATABASE_URL: 'nonsense' }, 'DATABASE_URL is not a Postgres URL'],
    [{ PORT: '44OO' }, 'PORT is "44OO"'],
    [{ PORT: '65536' }, 'PORT is "65536"'],
    [{ KAFKA_BROKERS: 'localhost' }, '"localhost" is not an address'],
  ])('refuse %j', (environment, message) => {
    expect(() => resolveSettings(loaded(), environment)).toThrow(message)
  })
})
