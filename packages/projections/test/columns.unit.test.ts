import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { columnsOf, defineProjection, parseRow, ProjectionDefinitionError } from '../src/index.js'
import { rowsToJson } from '../src/row.js'
import { Order } from './order.js'

const columns = (shape: z.ZodRawShape) => columnsOf('x', z.object(shape))
const typeOf = (schema: z.ZodType) => columns({ a: schema })[0]?.type

describe('the columns of a schema', () => {
  test.each([
    ['text', z.string()],
    ['text', z.uuid()],
    ['text', z.iso.datetime()],
    ['text', z.enum(['a', 'b'])],
    ['text', z.literal('a')],
    ['double precision', z.number()],
    ['bigint', z.int()],
    ['bigint', z.number().int().min(0)],
    ['bigint', z.bigint()],
    ['boolean', z.boolean()],
    ['timestamptz', z.date()],
    ['timestamptz', z.date().nullable().optional()],
    ['jsonb', z.array(z.string())],
    ['jsonb', z.object({ a: z.record(z.string(), z.number()) })],
    ['jsonb', z.union([z.string(), z.number()])],
    ['jsonb', z.literal(['a', 1])],
  ] as const)('%s', (type, schema) => {
    expect(typeOf(schema)).toBe(type)
  })

  test('names are in snake case, and what may be missing may be null', () => {
    expect(
      columns({ placedAt: z.date().nullable(), HTMLText: z.string().optional(), n: z.number().default(1) }),
    ).toEqual([
      {
        property: 'placedAt',
        column: 'placed_at',
        kind: 'date',
        type: 'timestamptz',
        nullable: true,
        whenNull: 'null',
      },
      { property: 'HTMLText', column: 'html_text', kind: 'string', type: 'text', nullable: true, whenNull: 'absent' },
      { property: 'n', column: 'n', kind: 'number', type: 'double precision', nullable: false, whenNull: 'absent' },
    ])
  })

  test.each([
    ['a date within JSON', { a: z.object({ at: z.date() }) }, /a\.at is a date.*use a string/],
    ['a bigint within JSON', { a: z.array(z.bigint()) }, /a\[\] is a bigint/],
    ['a map', { a: z.map(z.string(), z.string()) }, /a is a map/],
    ['a transform', { a: z.string().transform(Number) }, /a is a pipe/],
    [
      'two names for one column',
      { placedAt: z.date(), placed_at: z.date() },
      /placedAt and placed_at are the same column/,
    ],
    ['a name that is none', { 'a b': z.string() }, /property "a b" is not usable/],
  ])('%s is refused', (_what, shape: z.ZodRawShape, message) => {
    expect(() => columns(shape)).toThrow(ProjectionDefinitionError)
    expect(() => columns(shape)).toThrow(message)
  })

  test('an open schema is refused, for its other properties have no column', () => {
    expect(() => columnsOf('x', z.looseObject({ a: z.string() }))).toThrow(/unknown properties/)
  })

  test('a row becomes JSON and comes back from text', () => {
    const row = { id: 'ä', n: 0.1, big: 2n ** 60n, at: new Date(1.7e12 + 123), flag: false, tags: ['a'] }
    const shape = { id: z.string(), n: z.number(), big: z.bigint(), at: z.date(), flag: z.boolean() }
    const all = columns({
      ...shape,
      tags: z.array(z.string()),
      none: z.string().nullable(),
      away: z.string().optional(),
    })
    expect(JSON.parse(rowsToJson(all, [{ ...row, none: null }]))).toEqual([
      { ...row, big: '1152921504606846976', at: row.at.toISOString(), none: null },
    ])
    const texts = ['ä', '0.1', '1152921504606846976', '1700000000123', 'f', '["a"]', null, null]
    expect(parseRow(all, texts)).toEqual({ ...row, none: null })
  })
})

describe('a definition', () => {
  const base = { version: 1, schema: z.object({ id: z.string(), n: z.int() }), key: 'id' as const }
  const on = [Order, { OrderForgotten: () => null }] as const

  test.each([
    ['a name that is no kebab-case', { ...base, name: 'OrderSummary', on }, /kebab-case/],
    ['a name like that of a table', { ...base, name: 'order-v1-2', on }, /like that of a table/],
    ['a version that is none', { ...base, name: 'x', version: 0, on }, /version 0/],
    ['a number as key without keyOf', { ...base, name: 'x', key: 'n' as const, on }, /give keyOf/],
  ])('with %s is refused', (_what, definition, message) => {
    expect(() => defineProjection(definition)).toThrow(message)
  })

  test('an event that the aggregate does not have is refused, with those it has', () => {
    const handlers = { OrderLost: () => null } as unknown as { OrderForgotten: () => null }
    expect(() => defineProjection({ ...base, name: 'x', on: [Order, handlers] })).toThrow(
      /has an event OrderLost: there is OrderPlaced, OrderShipped/,
    )
  })

  test('without a handler is refused', () => {
    expect(() => defineProjection({ ...base, name: 'x', on: [Order, {}] })).toThrow(/no handler/)
  })

  test('queries may not ask for JSON columns', () => {
    const schema = z.object({ id: z.string(), tags: z.array(z.string()) })
    expect(() =>
      defineProjection({
        name: 'x',
        version: 1,
        schema,
        key: 'id',
        on: [Order, { OrderForgotten: () => null }],
        api: { sort: ['tags'] },
      }),
    ).toThrow(/tags, which is JSON/)
  })
})
