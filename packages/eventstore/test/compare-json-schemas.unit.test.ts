import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { mismatches } from '../src/schemas/compare-json-schemas.js'
import { canonicalSchema, jsonSchemaOf } from '../src/schemas/json-schema.js'

const found = (reader: z.ZodType, writer: z.ZodType) =>
  mismatches(jsonSchemaOf(reader), jsonSchemaOf(writer)).map(
    ({ path, expected, found }) => `${path}: expects ${expected}, may be ${found}`,
  )
const Money = z.object({ amount: z.number(), currency: z.enum(['EUR', 'CHF']) })
const Card = z.object({ kind: z.literal('card'), number: z.string() })
const Cash = z.object({ kind: z.literal('cash') })
const treeOf = (leaf: z.ZodType) => {
  const Tree: z.ZodType = z.object({
    leaf,
    get children() {
      return z.array(Tree)
    },
  })
  return Tree
}

describe('what can be read', () => {
  test.each<[string, z.ZodType, z.ZodType]>([
    ['the same', Money, Money],
    ['the same with other annotations', Money.describe('money').meta({ title: 'Money' }), Money],
    ['anything', z.unknown(), Money],
    ['a new optional property', Money.extend({ note: z.string().optional() }), Money],
    ['a property that is not required any more', Money.partial({ amount: true }), Money],
    ['a property that is not declared any more', Money.omit({ currency: true }), Money],
    ['properties in another order', z.object({ b: z.string(), a: z.int() }), z.object({ a: z.int(), b: z.string() })],
    ['one more value of an enum', z.enum(['b', 'c', 'a']), z.enum(['a', 'b'])],
    ['a literal as any text', z.string(), z.literal('a')],
    ['a literal that matches a pattern', z.string().regex(/^a/).min(1), z.literal(['a', 'ab'])],
    ['null where it was not allowed', z.string().nullable(), z.string()],
    ['an enum with null', z.enum(['a', 'b']).nullable(), z.enum(['a', 'b'])],
    ['whole numbers as numbers', z.number(), z.int()],
    ['wider bounds', z.int().min(0).max(10), z.int().positive().max(9)],
    ['a bound that whole numbers keep to', z.number().gt(0.5), z.int().gt(0)],
    ['the bounds of safe integers', z.number().min(Number.MIN_SAFE_INTEGER), z.int()],
    ['multiples', z.number().multipleOf(5), z.number().multipleOf(10)],
    ['a length of at least nothing', z.string().min(0), z.string()],
    ['a looser text', z.string().min(1), z.string().min(3).max(9)],
    ['an id as text', z.string(), z.uuid()],
    ['looser items', z.array(z.number()), z.array(z.int()).min(2)],
    ['a tuple as a list', z.array(z.union([z.string(), z.number()])), z.tuple([z.string(), z.int()])],
    ['one more alternative', z.discriminatedUnion('kind', [Cash, Card]), z.discriminatedUnion('kind', [Card])],
    ['an object as a record', z.record(z.string(), z.number()), z.object({ a: z.number(), b: z.int().optional() })],
    ['a record of fewer names', z.partialRecord(z.enum(['a', 'b']), z.number()), z.object({ a: z.int() })],
    ['a recursive schema', treeOf(z.string()), treeOf(z.string())],
    ['a recursive schema that took more', treeOf(z.number()), treeOf(z.int())],
    ['what was never there', z.string(), z.never()],
    ['what has a default now, but was required', z.object({ a: z.string().default('x') }), z.object({ a: z.string() })],
  ])('%s', (_what, reader, writer) => {
    expect(found(reader, writer)).toEqual([])
  })
})

describe('what cannot be read', () => {
  test.each<[string, z.ZodType, z.ZodType, string[]]>([
    ['another type', z.object({ a: z.number() }), z.object({ a: z.string() }), ['$.a: expects number, may be string']],
    ['a fraction as a whole number', z.int(), z.number(), ['$: expects integer, may be number']],
    ['anything', z.string(), z.unknown(), ['$: expects string, may be anything']],
    ['nothing is taken any more', z.never(), z.string(), ['$: expects nothing, may be string']],
    ['a new required property', Money, Money.omit({ amount: true }), ['$.amount: expects number, may be nothing']],
    // A default is filled in when an event is appended, and not when an older one is read.
    [
      'a new property with a default',
      z.object({ a: z.string().default('x') }),
      z.object({}),
      ['$.a: expects string, may be nothing'],
    ],
    [
      'a property that was optional',
      Money,
      Money.partial(),
      ['$.amount: expects number, may be nothing', '$.currency: expects "CHF" or "EUR", may be nothing'],
    ],
    ['a value that is gone', z.enum(['a', 'b']), z.enum(['a', 'c']), ['$: expects "a" or "b", may be "c"']],
    ['any text as an enum', z.enum(['a', 'b']), z.string(), ['$: expects "a" or "b", may be string']],
    ['a literal of another type', z.literal('1'), z.literal(1), ['$: expects "1", may be 1']],
    ['null', z.string(), z.string().nullable(), ['$: expects string, may be null']],
    ['a tighter bound', z.int().min(5), z.int().min(4), ['$: expects minimum 5, may be minimum 4']],
    ['an exclusive bound', z.number().gt(0), z.number().min(0), ['$: expects exclusiveMinimum 0, may be minimum 0']],
    ['a bound where was none', z.number().max(5), z.number(), ['$: expects maximum 5, may be no maximum']],
    ['other multiples', z.number().multipleOf(5), z.int(), ['$: expects a multiple of 5, may be a multiple of 1']],
    ['a longer text', z.string().max(3), z.string().max(4), ['$: expects maxLength 3, may be maxLength 4']],
    ['another pattern', z.string().regex(/a/), z.string(), ['$: expects pattern a, may be no pattern']],
    ['a literal that does not match', z.string().regex(/^b/), z.literal('a'), ['$: expects string, may be "a"']],
    ['another format', z.url(), z.string(), ['$: expects format uri, may be no format']],
    ['fewer items', z.array(z.int()).min(1), z.array(z.int()), ['$: expects minItems 1, may be no minItems']],
    [
      'items deep inside',
      z.object({ lines: z.array(z.object({ price: z.int() })) }),
      z.object({ lines: z.array(z.object({ price: z.number() })) }),
      ['$.lines[].price: expects integer, may be number'],
    ],
    [
      'an element of a tuple',
      z.tuple([z.string(), z.int()]),
      z.tuple([z.string(), z.string()]),
      ['$[1]: expects integer, may be string'],
    ],
    [
      'a list as a tuple',
      z.tuple([z.int()]),
      z.array(z.int()),
      [
        '$: expects minItems 1, may be no minItems',
        '$: expects maxItems 1, may be no maxItems',
        '$[]: expects nothing, may be integer',
      ],
    ],
    [
      'an alternative that is gone',
      z.discriminatedUnion('kind', [Card]),
      z.discriminatedUnion('kind', [Card, Cash]),
      ['$: expects object (kind "card"), may be object (kind "cash")'],
    ],
    [
      'a property of the alternative with the same tag',
      z.discriminatedUnion('kind', [Card.extend({ number: z.int() }), Cash]),
      z.discriminatedUnion('kind', [Cash, Card]),
      ['$.number: expects integer, may be string'],
    ],
    [
      'what no alternative takes',
      z.union([z.string(), z.int()]),
      z.boolean(),
      ['$: expects string or integer, may be boolean'],
    ],
    [
      'other values of a record',
      z.record(z.string(), z.int()),
      z.record(z.string(), z.string()),
      ['$.*: expects integer, may be string'],
    ],
    [
      'a record as an object',
      z.object({ a: z.int().optional() }),
      z.record(z.string(), z.string()),
      ['$.a: expects integer, may be string'],
    ],
    [
      'a name that a record does not take',
      z.partialRecord(z.enum(['a']), z.int()),
      z.object({ b: z.int() }),
      ['$.b: expects a property named "a", may be a property named "b"'],
    ],
    [
      'other properties that were free',
      z.object({ a: z.int().optional() }),
      z.looseObject({}),
      ['$.a: expects integer, may be anything'],
    ],
    ['a recursive schema', treeOf(z.int()), treeOf(z.number()), ['$.leaf: expects integer, may be number']],
    [
      'several at once',
      z.object({ a: z.int(), b: z.string() }),
      z.object({ a: z.string(), b: z.int() }),
      ['$.a: expects integer, may be string', '$.b: expects string, may be integer'],
    ],
  ])('%s', (_what, reader, writer, expected) => {
    expect(found(reader, writer)).toEqual(expected)
  })

  test('what is not understood, unless it is the same', () => {
    const compare = (reader: unknown, writer: unknown) =>
      mismatches(canonicalSchema(reader), canonicalSchema(writer)).map(
        ({ expected, found }) => `${expected} / ${found}`,
      )
    const unique = { type: 'array', uniqueItems: true }
    expect(compare(unique, unique)).toEqual([])
    expect(compare({ ...unique, maxItems: 3 }, { ...unique, maxItems: 2 })).toEqual([])
    expect(compare(unique, { type: 'array' })).toEqual(['uniqueItems true, which is not understood / no uniqueItems'])
    expect(compare({ type: 'array' }, unique)).toEqual(['no uniqueItems / uniqueItems true, which is not understood'])
    const both = (min: number) => ({ allOf: [{ minimum: min }], type: 'number' })
    expect(compare(both(1), both(2))).toHaveLength(1)
    const beside = { anyOf: [{ type: 'string' }], minLength: 1 }
    expect(compare(beside, { type: 'string' })).not.toEqual([])
    expect(compare({ $ref: '#/$defs/gone' }, { type: 'string' })).not.toEqual([])
    expect(
      compare({ $ref: '#/$defs/a', $defs: { a: { type: 'string' } }, minLength: 9 }, { type: 'string' }),
    ).not.toEqual([])
    const withTitle = (title: string) => ({ type: 'string', title, 'x-column': title, examples: [title] })
    expect(compare(withTitle('a'), withTitle('b'))).toEqual([])
    // A property may have the name of an annotation.
    const titled = (type: string) => ({ type: 'object', properties: { title: { type } } })
    expect(compare(titled('string'), titled('number'))).toEqual(['string / number'])
  })

  test('what one alternative failed on is not taken for proven in the next', () => {
    const listOf = (type: string) => ({
      $defs: { list: { type: 'object', properties: { value: { type }, next: { $ref: '#/$defs/list' } } } },
    })
    const head = { type: 'object', properties: { head: { $ref: '#/$defs/list' } }, required: ['head'] }
    const reader = { anyOf: [head, { ...head, minProperties: 1 }, head], ...listOf('integer') }
    expect(mismatches(canonicalSchema(reader), canonicalSchema({ ...head, ...listOf('number') }))).not.toEqual([])
    expect(mismatches(canonicalSchema(reader), canonicalSchema({ ...head, ...listOf('integer') }))).toEqual([])
  })

  test('references of the same text to definitions that differ', () => {
    const schema = (type: string) => ({ ...{ type: 'array', items: { $ref: '#/$defs/a' } }, $defs: { a: { type } } })
    const compare = (reader: string, writer: string) => mismatches(schema(reader), schema(writer))
    expect(compare('number', 'string')).toEqual([{ path: '$[]', expected: 'number', found: 'string' }])
    expect(compare('number', 'integer')).toEqual([])
  })
})

/** A zod schema, and values that it accepts. */
interface Sample {
  readonly schema: z.ZodType
  readonly values: fc.Arbitrary<unknown>
}

const letters = fc.constantFrom('a', 'b', 'c')
const numberSample = fc.record({
  low: fc.integer({ min: -3, max: 3 }),
  size: fc.integer({ min: 0, max: 4 }),
  whole: fc.boolean(),
  open: fc.boolean(),
})
const leaf: fc.Arbitrary<Sample> = fc.oneof(
  numberSample.map(({ low, size, whole, open }): Sample => {
    const base = whole ? z.int() : z.number()
    const schema = open ? base.gt(low - 1).lte(low + size) : base.min(low).max(low + size)
    const values = whole
      ? fc.integer({ min: low, max: low + size })
      : fc.double({ min: low, max: low + size, noNaN: true })
    return { schema, values }
  }),
  fc.record({ min: fc.nat(3), size: fc.nat(3) }).map(({ min, size }): Sample => ({
    schema: z
      .string()
      .min(min)
      .max(min + size),
    values: fc.string({ minLength: min, maxLength: min + size, unit: letters }),
  })),
  fc
    .uniqueArray(letters, { minLength: 1 })
    .map((values): Sample => ({ schema: z.enum(values), values: fc.constantFrom(...values) })),
  fc.constantFrom<Sample>(
    { schema: z.string(), values: fc.string({ unit: letters }) },
    { schema: z.string().regex(/^a+$/), values: fc.constantFrom('a', 'aa') },
    { schema: z.number(), values: fc.integer() },
    { schema: z.boolean(), values: fc.boolean() },
    { schema: z.literal(['a', 1, null]), values: fc.constantFrom('a', 1, null) },
    { schema: z.unknown(), values: fc.constantFrom<unknown>('a', 1, null, [], { a: 1 }) },
  ),
)
const { sample } = fc.letrec<{ sample: Sample }>((tie) => {
  const inner = tie('sample')
  const properties = fc.dictionary(letters, fc.record({ inner, optional: fc.boolean() }), { maxKeys: 3 })
  return {
    sample: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      inner.map(({ schema, values }): Sample => ({
        schema: schema.nullable(),
        values: fc.option(values, { nil: null }),
      })),
      fc.record({ inner, min: fc.nat(2) }).map(({ inner: { schema, values }, min }): Sample => ({
        schema: z.array(schema).min(min),
        values: fc.array(values, { minLength: min, maxLength: 3 }),
      })),
      fc.array(inner, { minLength: 1, maxLength: 2 }).map((items): Sample => ({
        schema: z.tuple(items.map(({ schema }) => schema) as [z.ZodType]),
        values: fc.tuple(...items.map(({ values }) => values)),
      })),
      fc.array(inner, { minLength: 2, maxLength: 3 }).map((items): Sample => ({
        schema: z.union(items.map(({ schema }) => schema)),
        values: fc.oneof(...items.map(({ values }) => values)),
      })),
      inner.map(({ schema, values }): Sample => ({
        schema: z.record(z.string(), schema),
        values: fc.dictionary(letters, values, { maxKeys: 2 }),
      })),
      fc.record({ properties, loose: fc.boolean() }).map(({ properties: shape, loose }): Sample => {
        const entries = Object.entries(shape)
        const object = z.object(
          Object.fromEntries(
            entries.map(
              ([
                name,
                {
                  inner: { schema },
                  optional,
                },
              ]) => [name, optional ? schema.optional() : schema],
            ),
          ),
        )
        const requiredKeys = entries.filter(([, { optional }]) => !optional).map(([name]) => name)
        const declared = fc.record(
          Object.fromEntries(
            entries.map(
              ([
                name,
                {
                  inner: { values },
                },
              ]) => [name, values],
            ),
          ),
          { requiredKeys },
        )
        return { schema: loose ? object.loose() : object, values: declared }
      }),
    ),
  }
})

test('what is said to be readable is accepted by the reading schema, whatever the data', () => {
  let readable = 0
  const property = fc.property(sample, sample, fc.infiniteStream(fc.nat()), (one, other, seeds) => {
    for (const [reader, writer] of [
      [one, other],
      [other, one],
      // Random schemas rarely fit each other; these do more often.
      [{ ...one, schema: z.union([one.schema, other.schema]) }, one],
      [
        { ...one, schema: z.object({ a: one.schema.optional() }) },
        { schema: z.object({ a: other.schema }), values: other.values.map((a) => ({ a })) },
      ],
    ] as const) {
      if (mismatches(jsonSchemaOf(reader.schema), jsonSchemaOf(writer.schema)).length > 0) continue
      readable++
      for (const value of fc.sample(writer.values, { numRuns: 5, seed: seeds.next().value })) {
        const written = writer.schema.parse(value)
        const read = reader.schema.safeParse(JSON.parse(JSON.stringify(written)))
        if (!read.success) throw new Error(`${JSON.stringify(written)}: ${read.error.message}`)
      }
    }
  })
  fc.assert(property, { numRuns: 500 })
  // The property says something only if schemas that differ fit each other often enough.
  expect(readable).toBeGreaterThan(400)
})

test('every schema reads its own data, and the union of two schemas reads both', () => {
  fc.assert(
    fc.property(sample, sample, (one, other) => {
      expect(mismatches(jsonSchemaOf(one.schema), jsonSchemaOf(one.schema))).toEqual([])
      const both = jsonSchemaOf(z.union([one.schema, other.schema]))
      expect(mismatches(both, jsonSchemaOf(one.schema))).toEqual([])
      expect(mismatches(both, jsonSchemaOf(other.schema))).toEqual([])
    }),
    { numRuns: 150 },
  )
})
