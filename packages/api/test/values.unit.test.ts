import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { decodeToken, encodeToken, isLoopback, problemTypes } from '../src/index.js'
import { commandIdOf } from '../src/commands/idempotency-key.js'
import { jsonSchemaOf } from '../src/http/json-schema.js'
import { nearestName } from '../src/http/nearest-name.js'
import { parsePrefer } from '../src/http/prefer-header.js'
import { queryValue } from '../src/read-models/query-value.js'

describe('values of requests', () => {
  test('a consistency token comes back the same, and nothing else is one', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (epoch, position) => {
        const token = encodeToken({ epoch, position })
        expect(token).toMatch(/^[\w-]{34}$/)
        expect(decodeToken(token)).toEqual({ epoch, position })
      }),
    )
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => decodeToken(text)).toThrow('Consistency-Token')
      }),
    )
  })

  test.each([
    [undefined, {}],
    ['wait=2', { waitMs: 2000 }],
    ['handling=lenient, wait=0', { waitMs: 0, lenient: true }],
    ['Wait="3"; foo', { waitMs: 3000 }],
    ['wait=1, wait=9', { waitMs: 1000 }],
    ['wait=soon', {}],
    ['wait=-1, wait', {}],
    ['return=representation;x=1, handling=strict', { representation: true }],
    ['respond-async, wait=2', { respondAsync: true, waitMs: 2000 }],
    [',,;=', {}],
  ])('the preference %j is read', (header, expected) => {
    const none = { waitMs: undefined, lenient: false, representation: false, respondAsync: false }
    expect(parsePrefer(header)).toEqual({ ...none, ...expected })
  })

  test('a key becomes the same command id every time, and another for another aggregate', () => {
    const uuid = '01890A5D-AC96-774B-BCCE-B302099A8057'
    expect(commandIdOf(uuid, 'order-1')).toBe(uuid.toLowerCase())
    expect(commandIdOf('key', 'order-1')).toBe(commandIdOf('"key"', 'order-1'))
    expect(commandIdOf('key', 'order-1')).not.toBe(commandIdOf('key', 'order-2'))
    expect(commandIdOf('key', 'order-1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/)
  })

  test.each([
    ['staus', 'status'],
    ['STATUS', 'status'],
    ['tsatus', 'status'],
    ['totla.gte', 'total.gte'],
    ['zzzzzzzz', undefined],
    ['', undefined],
  ])('the name nearest to %j is %j', (wrong, nearest) => {
    expect(nearestName(wrong, ['customerId', 'status', 'total.gte'])).toBe(nearest)
  })

  test.each([
    ['2026-01-31', 'date', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T12:00:00.5 02:00', 'date', '2026-01-31T10:00:00.500Z'],
    ['2026-01-31T12:00:00', 'date', undefined],
    ['0001-01-01T00:00:00+14:00', 'date', undefined],
    ['-.5', 'number', '-0.5'],
    ['0x10', 'number', undefined],
    ['9007199254740992', 'int', undefined],
    ['-9223372036854775808', 'bigint', '-9223372036854775808'],
    ['-9223372036854775809', 'bigint', undefined],
    ['{}', 'json', undefined],
  ] as const)('%j as a %s is %j', (text, kind, value) => {
    expect(queryValue(text, kind)).toBe(value)
  })

  test('only addresses of this machine are loopback', () => {
    expect(['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'].filter((host) => !isLoopback(host))).toEqual([])
    expect(['0.0.0.0', '::', '', '127.0.0.1.x', '128.0.0.1', 'localhost.x'].filter(isLoopback)).toEqual([])
  })

  test('a schema that contains itself stays open in documents', () => {
    const Tree: z.ZodType = z.object({ children: z.array(z.lazy(() => Tree)) })
    expect(jsonSchemaOf(Tree, 'input')).toEqual({})
  })

  test('the README lists every problem, and no other', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
    const listed = [...readme.matchAll(/^\| (\d{3}) +\| (.+?) +\|$/gm)].flatMap(([, status, names = '']) =>
      [...names.matchAll(/`([\w-]+)`/g)].map(([, name]) => `${status} ${name}`),
    )
    const existing = Object.entries(problemTypes).map(([name, { status }]) => `${status} ${name}`)
    expect(listed.sort()).toEqual(existing.sort())
  })
})
