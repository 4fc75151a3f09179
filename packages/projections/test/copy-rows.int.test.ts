import { DatabaseError, inTransaction, type Database } from '@tidemark/eventstore'
import fc from 'fast-check'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { columnsOf } from '../src/columns.js'
import type { Row } from '../src/row.js'
import { copyRows } from '../src/sql/copy-rows.js'
import { createTableText } from '../src/sql/read-model-ddl.js'
import { TableStatements, type TableShape } from '../src/sql/table-statements.js'
import { unstorable } from '../src/unstorable.js'
import { useStoreDatabase } from './store-database.js'

const columns = columnsOf(
  'values',
  z.object({
    id: z.string(),
    text: z.string().nullable(),
    number: z.number().optional(),
    count: z.int().nullable(),
    amount: z.bigint().nullable(),
    isOpen: z.boolean().nullable(),
    at: z.date().nullable(),
    list: z.array(z.unknown()),
    json: z.unknown().nullable(),
  }),
)

const special = fc.string({
  unit: fc.constantFrom('\\', '\n', '\r', '\t', '\b', 'N', '.', '"', ',', '\u2028', 'é', '🙂'),
})
const text = fc.oneof(special, fc.string({ unit: 'binary' })).filter((value) => !unstorable(value, 'string'))
const json = fc
  .oneof(fc.jsonValue({ stringUnit: 'binary' }), special, fc.dictionary(special, special))
  .filter((value) => !unstorable(value, 'json'))
const maybe = <T>(values: fc.Arbitrary<T>) => fc.option(values, { freq: 5 })
const bigints = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const rowsOfAnything = fc.uniqueArray(
  fc.record({
    id: text,
    text: maybe(text),
    number: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: undefined }),
    count: maybe(fc.maxSafeInteger()),
    amount: maybe(bigints),
    isOpen: maybe(fc.boolean()),
    at: maybe(fc.date({ noInvalidDate: true, min: new Date('0001-01-01'), max: new Date('9999-12-31T23:59:59.999Z') })),
    list: fc.array(json, { maxLength: 3 }),
    json: maybe(json),
  }),
  { selector: ({ id }) => id, minLength: 1, maxLength: 20 },
)

describe('rows that are added by COPY', () => {
  const pools = useStoreDatabase()
  const shapeOf = (table: string): TableShape => ({ table, columns, key: columns[0]! })
  const [copied, upserted] = [shapeOf('copied'), shapeOf('upserted')]
  let database: Database
  beforeAll(() => {
    database = { queryable: pools.pool, schema: 'tidemark', prepare: false }
  })
  beforeEach(async () => {
    for (const shape of [copied, upserted]) await pools.pool.query(createTableText('tidemark', shape))
  })
  afterEach(async () => {
    for (const { table } of [copied, upserted]) await pools.pool.query(`drop table tidemark_read.${table}`)
  })
  const copy = (rows: readonly Row[]) =>
    inTransaction(pools.pool, (client) => copyRows(client, 'tidemark', copied, rows))
  const textOf = async ({ table }: TableShape) =>
    (await pools.pool.query(`select t::text from tidemark_read.${table} t order by id`)).rows as unknown
  const countOf = async () => (await pools.pool.query('select from tidemark_read.copied')).rowCount

  test('are those that an upsert makes, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(rowsOfAnything, async (rows) => {
        await pools.pool.query('truncate tidemark_read.copied, tidemark_read.upserted')
        await copy(rows)
        await new TableStatements(upserted).write(database, { upserts: rows, deletes: [] })
        expect(await textOf(copied)).toEqual(await textOf(upserted))
        const keys = rows.map(({ id }) => id)
        const read = ({ table }: TableShape) => new TableStatements(shapeOf(table)).selectRows(database, keys)
        expect(await read(copied)).toEqual(await read(upserted))
        expect((await read(copied)).size).toBe(rows.length)
      }),
      { numRuns: 100 },
    )
  })

  const plain = (index: number): Row => ({ id: `row-${index}`, list: [] })

  test('may be many, and none', async () => {
    await copy([])
    expect(await countOf()).toBe(0)
    await copy(Array.from({ length: 12_345 }, (_, index) => plain(index)))
    expect(await countOf()).toBe(12_345)
  })

  test('are refused, all of them, where one is there already', async () => {
    await copy([plain(1)])
    await expect(copy([plain(0), plain(1), plain(2)])).rejects.toThrow(DatabaseError)
    expect(await countOf()).toBe(1)
    await copy([plain(2)])
    expect(await countOf()).toBe(2)
  })

  test('fail with their connection', async () => {
    const copying = inTransaction(pools.pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      let ended: Promise<unknown> | undefined
      const ending: Row = {
        list: [],
        get id() {
          ended ??= pools.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
          return 'ending'
        },
      }
      const many = Array.from({ length: 50_000 }, (_, index) => (index === 1000 ? ending : plain(index)))
      await copyRows(client, 'tidemark', copied, many).finally(() => ended)
    })
    await expect(copying).rejects.toThrow(DatabaseError)
    expect(await countOf()).toBe(0)
  })
})
