import { defineAggregate, event } from '@tidemark/eventstore'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventCodec, SchemaNotExpressibleError, ValueMisfitError, type PayloadFormat } from '../../src/index.js'

function codecOf(schema: z.ZodType, options: Partial<PayloadFormat> = {}, type = 'Placed') {
  const aggregate = defineAggregate({
    name: 'order',
    initialState: () => ({}),
    events: { [type]: event(schema) },
    evolve: { [type]: (state: object) => state },
    commands: () => ({}),
  })
  return eventCodec(aggregate, type, { format: 'avro', ...options })
}
const schemaOf = (schema: z.ZodType, options?: Partial<PayloadFormat>) =>
  JSON.parse(codecOf(schema, options).schema.schema)
const roundTrip = (schema: z.ZodType, data: unknown, options?: Partial<PayloadFormat>) => {
  const codec = codecOf(schema, options)
  return codec.decode(codec.encode(data), codec.schema)
}

const Node = z.object({
  label: z.string(),
  get children() {
    return z.array(Node)
  },
})
const everything = z.object({
  text: z.string(),
  whole: z.int(),
  small: z.int32(),
  number: z.number(),
  flag: z.boolean(),
  nothing: z.null(),
  maybe: z.string().optional(),
  nullable: z.number().nullable(),
  list: z.array(z.object({ sku: z.string(), tags: z.array(z.string()).optional() })),
  status: z.enum(['open', 'closed']),
  kebab: z.enum(['in-transit', 'done']),
  literal: z.literal('x'),
  map: z.record(z.string(), z.number()),
  mixed: z.union([z.string(), z.number(), z.boolean(), z.null()]),
  payment: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('card'), last4: z.string() }),
    z.object({ kind: z.literal('cash') }),
  ]),
  day: z.iso.date(),
  at: z.iso.datetime({ offset: true }),
  id: z.uuid(),
  tree: Node,
})

describe('the derived schema', () => {
  test('is a record with a stable text', () => {
    const [one, other] = [
      codecOf(z.object({ b: z.number(), a: z.string().describe('first') })),
      codecOf(z.object({ a: z.string(), b: z.number() })),
    ]
    expect(one.schema).toEqual(other.schema)
    expect(one.recordName).toBe('order.Placed')
    expect(one.schema.schema).toBe(
      '{"type":"record","name":"order.Placed","fields":[{"name":"a","type":"string"},{"name":"b","type":"double"}]}',
    )
  })

  test('says every type of zod that Avro knows', () => {
    const { name, fields } = schemaOf(everything, { namespace: 'com.shop' })
    expect(name).toBe('com.shop.order.Placed')
    const types = Object.fromEntries(fields.map((field: { name: string; type: unknown }) => [field.name, field.type]))
    expect(types).toEqual({
      text: 'string',
      whole: 'long',
      small: 'int',
      number: 'double',
      flag: 'boolean',
      nothing: 'null',
      maybe: ['null', 'string'],
      nullable: ['null', 'double'],
      list: {
        type: 'array',
        items: {
          type: 'record',
          name: 'com.shop.order.Placed_list',
          fields: [
            { name: 'sku', type: 'string' },
            { name: 'tags', type: ['null', { type: 'array', items: 'string' }], default: null },
          ],
        },
      },
      status: { type: 'enum', name: 'com.shop.order.Placed_status', symbols: ['closed', 'open'] },
      kebab: 'string',
      literal: 'string',
      map: { type: 'map', values: 'double' },
      mixed: ['null', 'boolean', 'double', 'string'],
      payment: [
        {
          type: 'record',
          name: 'com.shop.order.Placed_payment_card',
          fields: [
            { name: 'kind', type: 'string' },
            { name: 'last4', type: 'string' },
          ],
        },
        { type: 'record', name: 'com.shop.order.Placed_payment_cash', fields: [{ name: 'kind', type: 'string' }] },
      ],
      day: { type: 'int', logicalType: 'date' },
      at: { type: 'long', logicalType: 'timestamp-millis' },
      id: { type: 'string', logicalType: 'uuid' },
      tree: {
        type: 'record',
        name: 'com.shop.order.Placed_tree',
        fields: [
          { name: 'children', type: { type: 'array', items: 'com.shop.order.Placed_tree' } },
          { name: 'label', type: 'string' },
        ],
      },
    })
    // A default is what lets a consumer read events that do not have the property yet.
    expect(fields.find((field: { name: string }) => field.name === 'maybe')).toHaveProperty('default', null)
    expect(fields.find((field: { name: string }) => field.name === 'nullable')).not.toHaveProperty('default')
  })

  test.each([
    [z.object({ a: z.object({ b: z.any() }) }), '$.a.b', 'anything may stand there'],
    [z.object({ a: z.array(z.tuple([z.string(), z.number()])) }), '$.a[]', 'Avro has no tuples'],
    [z.object({ a: z.looseObject({ b: z.string() }) }), '$.a', 'declared and undeclared properties'],
    [z.object({ 'a-b': z.string() }), '$.a-b', 'its name is none in Avro'],
    [
      z.object({ a: z.union([z.object({ b: z.string() }), z.object({ c: z.string() })]) }),
      '$.a',
      'z.discriminatedUnion',
    ],
    [z.object({ a: z.union([z.array(z.string()), z.array(z.number())]) }), '$.a', 'two of type array: merge them'],
    [z.object({ a_b: z.object({}), a: z.object({ b: z.object({}) }) }), '$.a_b', 'the name order.Placed_a_b'],
    [z.object({ a: z.intersection(z.string(), z.number()) }), '$.a', 'has no counterpart'],
    [z.object({ a: z.record(z.string(), z.unknown()) }), '$.a.*', 'anything may stand there'],
    [z.string(), '$', 'the data of an event has to be an object'],
  ])('refuses what Avro cannot say, and names the place (%#)', (schema, path, reason) => {
    const derive = () => codecOf(schema)
    expect(derive).toThrow(SchemaNotExpressibleError)
    expect(derive).toThrow(expect.objectContaining({ event: 'order.Placed', path, retryable: false }))
    expect(derive).toThrow(reason)
  })

  test('takes texts for times only where zod checks them', () => {
    const schema = z.object({ a: z.iso.datetime({ local: true }), b: z.string().meta({ format: 'date-time' }) })
    expect(schemaOf(schema).fields).toEqual([
      { name: 'a', type: 'string' },
      { name: 'b', type: 'string' },
    ])
  })

  test('refuses a type that is no name, and personal data', () => {
    expect(() => codecOf(z.object({}), {}, 'order-placed')).toThrow('"order.order-placed" is no name in Avro')
    const Customer = defineAggregate({
      name: 'customer',
      initialState: () => ({}),
      events: {
        Joined: event(z.object({ id: z.string(), name: z.string() }), {
          personal: { subject: ({ id }) => id, fields: { name: 'erased' } },
        }),
      },
      evolve: { Joined: (state) => state },
      commands: () => ({}),
    })
    expect(() => eventCodec(Customer, 'Joined', { format: 'avro' })).toThrow('$.name cannot be expressed in Avro')
    const json = JSON.parse(eventCodec(Customer, 'Joined', { format: 'json-schema' }).schema.schema)
    expect(json.properties.id).toEqual({ type: 'string' })
    expect(json.properties.name.anyOf[1].required).toEqual(['$personal'])
  })
})

describe('values', () => {
  const name = fc.stringMatching(/^[a-z_]{1,8}$/)
  const treeOf = (depth: number): fc.Arbitrary<z.infer<typeof Node>> =>
    fc.record({
      label: fc.string(),
      children: depth === 0 ? fc.constant([]) : fc.array(treeOf(depth - 1), { maxLength: 2 }),
    })
  const instant = fc.date({ min: new Date(0), max: new Date('9999-01-01'), noInvalidDate: true })
  const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
  const value = fc.record({
    text: fc.string({ unit: 'grapheme' }),
    whole: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
    small: fc.integer(),
    number,
    flag: fc.boolean(),
    nothing: fc.constant(null),
    maybe: fc.string(),
    nullable: fc.option(number),
    list: fc.array(fc.record({ sku: name, tags: fc.array(name) }, { requiredKeys: ['sku'] }), { maxLength: 3 }),
    status: fc.constantFrom('open', 'closed'),
    kebab: fc.constantFrom('in-transit', 'done'),
    literal: fc.constant('x'),
    // The Avro library writes this key, and drops it when it reads.
    map: fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      number,
      { noNullPrototype: true },
    ),
    mixed: fc.oneof(fc.string(), number, fc.boolean(), fc.constant(null)),
    payment: fc.oneof(fc.record({ kind: fc.constant('card'), last4: name }), fc.record({ kind: fc.constant('cash') })),
    day: instant.map((date) => date.toISOString().slice(0, 10)),
    at: instant.map((date) => date.toISOString()),
    id: fc.uuid(),
    tree: treeOf(2),
  })

  test('come back as they were', () => {
    const codec = codecOf(everything)
    fc.assert(
      fc.property(value, fc.boolean(), (data, withMaybe) => {
        const { maybe, ...rest } = data as Record<string, unknown>
        const given = withMaybe ? data : rest
        expect(codec.decode(codec.encode(given), codec.schema)).toEqual(given)
      }),
      { numRuns: 300 },
    )
  })

  test('are the bytes of the Avro specification', () => {
    const schema = z.object({ a: z.string(), b: z.int(), c: z.string().optional(), d: z.iso.date() })
    // "hi": length 2 as zigzag 4; -1 as zigzag 1; the first branch; 1 day as zigzag 2
    expect(codecOf(schema).encode({ a: 'hi', b: -1, d: '1970-01-02' }).toString('hex')).toBe('0468690100' + '02')
    expect(codecOf(schema).encode({ a: '', b: 64, c: 'x', d: '1969-12-31' }).toString('hex')).toBe(
      '008001' + '020278' + '01',
    )
  })

  test('keep the instant of a time, or its text where that is asked for', () => {
    const schema = z.object({ at: z.iso.datetime({ offset: true }) })
    const at = '2026-03-01T02:00:00+02:00'
    expect(roundTrip(schema, { at })).toEqual({ at: '2026-03-01T00:00:00.000Z' })
    expect(roundTrip(schema, { at }, { dates: 'string' })).toEqual({ at })
    expect(() => roundTrip(schema, { at: '2026-03-01T00:00:00.000001Z' })).toThrow(
      '$.at is not a time in whole milliseconds',
    )
    expect(roundTrip(schema, { at: '2026-03-01T00:00:00.120000Z' })).toEqual({ at: '2026-03-01T00:00:00.120Z' })
  })

  test('leave out what is not declared, and tell where they do not fit', () => {
    const schema = z.object({ items: z.array(z.object({ price: z.number() })) })
    expect(roundTrip(schema, { items: [{ price: 1, old: true }], gone: 1 })).toEqual({ items: [{ price: 1 }] })
    const write = () => codecOf(schema).encode({ items: [{ price: 1 }, { price: '2' }] })
    expect(write).toThrow(ValueMisfitError)
    expect(write).toThrow('$.items[1].price is not a number')
    expect(() => codecOf(schema).encode({})).toThrow('$.items is not a list')
  })
})

describe('as JSON Schema', () => {
  test('a schema is draft 7, titled with the name of its record', () => {
    const schema = z.object({ pair: z.tuple([z.string(), z.number()]), tree: Node, required: z.enum(['b', 'a']) })
    const { schemaType, schema: text } = codecOf(schema, { format: 'json-schema' }).schema
    expect(schemaType).toBe('JSON')
    const parsed = JSON.parse(text)
    expect(parsed).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      title: 'order.Placed',
      type: 'object',
      properties: {
        pair: { items: [{ type: 'string' }, { type: 'number' }], additionalItems: false },
        required: { enum: ['a', 'b'] },
      },
      required: ['pair', 'required', 'tree'],
    })
    const reference: string = parsed.properties.tree.$ref
    expect(reference).toMatch(/^#\/definitions\//)
    expect(parsed.definitions[reference.split('/')[2]!].properties.label).toEqual({ type: 'string' })
  })
})
