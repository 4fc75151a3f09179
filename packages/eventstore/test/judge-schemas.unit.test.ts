import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  defineAggregate,
  event,
  jsonSchemaOf,
  schemaChanges,
  type AnyAggregate,
  type EventOptions,
} from '../src/index.js'
import {
  isToRegister,
  judgeSchemas,
  type Compatibility,
  type RegisteredSchema,
  type SchemaStatus,
} from '../src/schemas/judge-schemas.js'

const aggregateOf = (
  schema: z.ZodType,
  options: EventOptions = {},
  more: { retired?: string[]; unknownEvents?: 'ignore' } = {},
) =>
  defineAggregate({
    ...{ name: 'order', initialState: () => ({}), commands: () => ({}), ...more },
    events: { OrderPlaced: event(schema, options) },
    evolve: { OrderPlaced: (state) => state },
  })

/** What was registered, in this order; revisions are counted. */
const registeredAs = (
  ...rows: { type?: string; version?: number; schema: z.ZodType; compatibility?: Compatibility }[]
) =>
  rows.map(({ type = 'OrderPlaced', version = 1, schema, compatibility = 'backward' }, index): RegisteredSchema => ({
    ...{ category: 'order', type, schemaVersion: version, revision: index + 1, compatibility },
    ...{ schema: jsonSchemaOf(schema), registeredAt: new Date(index) },
  }))

const judge = (aggregate: AnyAggregate, registered: RegisteredSchema[], compatibility: Compatibility) =>
  judgeSchemas([aggregate], registered, compatibility).map(({ type, status, differences }) => ({
    ...{ type, status },
    differences: differences.map(({ direction, path }) => `${direction} ${path}`),
  }))

const Total = z.object({ total: z.number() })
const WithNote = Total.extend({ note: z.string().optional() })
const WithNumberedNote = Total.extend({ note: z.int().optional() })
const WithCustomer = Total.extend({ customer: z.string() })
const upcast = { 1: (v1: unknown) => v1 }

describe('a change of the schema within its version', () => {
  test.each<[string, z.ZodType, z.ZodType, Record<Compatibility, SchemaStatus>]>([
    [
      'a new optional property',
      Total,
      WithNote,
      { backward: 'compatible', forward: 'compatible', full: 'compatible', none: 'compatible' },
    ],
    [
      'a new required property',
      Total,
      WithCustomer,
      { backward: 'incompatible', forward: 'compatible', full: 'incompatible', none: 'compatible' },
    ],
    [
      'a required property that is gone',
      WithCustomer,
      Total,
      { backward: 'compatible', forward: 'incompatible', full: 'incompatible', none: 'compatible' },
    ],
    [
      'another type',
      WithNote,
      WithNumberedNote,
      { backward: 'incompatible', forward: 'incompatible', full: 'incompatible', none: 'compatible' },
    ],
    [
      'no change',
      Total,
      Total.describe('what is to pay'),
      { backward: 'unchanged', forward: 'unchanged', full: 'unchanged', none: 'unchanged' },
    ],
  ])('%s', (_what, before, after, wanted) => {
    for (const [compatibility, status] of Object.entries(wanted)) {
      const [check] = judge(aggregateOf(after), registeredAs({ schema: before }), compatibility as Compatibility)
      expect({ compatibility, status: check?.status }).toEqual({ compatibility, status })
    }
  })

  test('names the direction and the place of each difference', () => {
    expect(judge(aggregateOf(WithNumberedNote), registeredAs({ schema: WithNote }), 'full')).toEqual([
      { type: 'OrderPlaced', status: 'incompatible', differences: ['backward $.note', 'forward $.note'] },
    ])
  })

  test('must fit the data of every revision, not of the newest alone', () => {
    const revisions = registeredAs({ schema: WithNote }, { schema: Total })
    expect(judge(aggregateOf(WithNumberedNote), revisions, 'backward')).toMatchObject([
      { status: 'incompatible', differences: ['backward $.note'] },
    ])
    const forced = registeredAs({ schema: WithNote }, { schema: Total, compatibility: 'none' })
    expect(judge(aggregateOf(WithNumberedNote), forced, 'backward')).toMatchObject([{ status: 'compatible' }])
  })

  test('may go back to a revision that is registered, as a rollback does', () => {
    const revisions = registeredAs({ schema: Total }, { schema: WithCustomer, compatibility: 'none' })
    expect(judge(aggregateOf(Total), revisions, 'full')).toMatchObject([{ status: 'unchanged' }])
  })
})

describe('a version', () => {
  test('that was raised may change everything backward, and stops older code', () => {
    const raised = aggregateOf(z.object({ sum: z.string() }), { version: 2, upcast })
    const registered = registeredAs({ schema: Total })
    expect(judge(raised, registered, 'backward')).toMatchObject([{ status: 'raised', differences: [] }])
    expect(judge(raised, registered, 'none')).toMatchObject([{ status: 'raised' }])
    for (const compatibility of ['forward', 'full'] as const) {
      expect(judge(raised, registered, compatibility)).toMatchObject([
        { status: 'incompatible', differences: ['forward $'] },
      ])
    }
  })

  test('below the registered one is that of an older release, which is let go on', () => {
    const newer = { version: 2, schema: WithCustomer }
    expect(judge(aggregateOf(Total), registeredAs({ schema: Total }, newer), 'full')).toMatchObject([
      { status: 'older' },
    ])
    expect(judge(aggregateOf(Total), registeredAs(newer), 'full')).toMatchObject([{ status: 'older' }])
    // What it would append under its own version is checked nevertheless.
    expect(judge(aggregateOf(WithNumberedNote), registeredAs({ schema: WithNote }, newer), 'backward')).toMatchObject([
      { status: 'incompatible' },
    ])
  })
})

describe('a type', () => {
  test('that nobody registered is new', () => {
    expect(judge(aggregateOf(Total), [], 'full')).toMatchObject([{ status: 'new' }])
  })

  test('that was renamed has the history of its former names', () => {
    const registered = registeredAs({ type: 'OrderCreated', schema: WithNote })
    const renamed = (schema: z.ZodType) => aggregateOf(schema, { formerly: ['OrderCreated'] })
    expect(judge(renamed(WithNote), registered, 'full')).toEqual([
      { type: 'OrderPlaced', status: 'unchanged', differences: [] },
    ])
    expect(judge(renamed(WithNumberedNote), registered, 'backward')).toMatchObject([{ status: 'incompatible' }])
    const [check] = judgeSchemas([renamed(WithNote)], registered, 'full')
    expect(isToRegister(check!, registered)).toBe(true)
    expect(isToRegister(check!, registeredAs({ schema: WithNote }))).toBe(false)
  })

  test('that this code lost is told, unless it is retired or everything unknown is ignored', () => {
    const registered = registeredAs(
      { schema: Total },
      { type: 'OrderNoted', schema: Total },
      { type: 'OrderNoted', version: 3, schema: Total },
    )
    expect(judge(aggregateOf(Total), registered, 'backward')).toMatchObject([
      { type: 'OrderPlaced', status: 'unchanged' },
      { type: 'OrderNoted', status: 'dropped' },
    ])
    expect(judge(aggregateOf(Total, {}, { retired: ['OrderNoted'] }), registered, 'backward')).toHaveLength(1)
    expect(judge(aggregateOf(Total, {}, { unknownEvents: 'ignore' }), registered, 'backward')).toHaveLength(1)
  })

  test('of another aggregate is another type', () => {
    const others = registeredAs({ schema: WithCustomer }).map((row) => ({ ...row, category: 'payment' }))
    expect(judge(aggregateOf(Total), others, 'full')).toMatchObject([{ status: 'new' }])
  })
})

test('changes are listed by the path of the data, whether they matter or not', () => {
  const Line = z.object({ sku: z.string(), count: z.int().min(1) })
  const before = z.object({
    id: z.string(),
    lines: z.array(Line).min(1),
    note: z.string(),
    gone: z.boolean(),
    kind: z.enum(['a', 'b']),
  })
  const after = z.object({
    id: z.string(),
    lines: z.array(Line.extend({ count: z.int().min(0) })),
    note: z.string().optional(),
    kind: z.enum(['a', 'c']),
    fresh: z.number().max(9).nullable(),
  })
  expect(schemaChanges(jsonSchemaOf(before), jsonSchemaOf(after))).toEqual([
    { path: '$.gone', before: 'boolean', after: undefined },
    { path: '$.kind', before: '"a" or "b"', after: '"a" or "c"' },
    { path: '$.lines', before: 'array, minItems 1', after: 'array' },
    {
      path: '$.lines[].count',
      before: expect.stringMatching(/^integer, .*minimum 1$/),
      after: expect.stringMatching(/^integer, .*minimum 0$/),
    },
    { path: '$.note', before: 'string', after: 'string, optional' },
    { path: '$.fresh', before: undefined, after: expect.stringMatching(/number or null|null or number/) },
  ])
  expect(schemaChanges(jsonSchemaOf(before), jsonSchemaOf(before.describe('the same')))).toEqual([])
})
