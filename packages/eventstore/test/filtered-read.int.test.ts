import { beforeAll, describe, expect, test } from 'vitest'
import { FilteredReader } from '../src/filtered-read.js'
import { useStoreDatabase } from './store-database.js'

describe('reading the log by a filter', () => {
  const database = useStoreDatabase()
  const size = 30_000n
  beforeAll(async () => {
    // Common events, with a stretch in the middle that has none of them, and three rare ones.
    await database.pool
      .query(`insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
      select 'bulk-1', n, gen_random_uuid(), 1,
             case when n in (5, 15000, 29999) then 'Rare' when n between 10001 and 20000 then 'Other' else 'Common' end, '{}', '{}'
        from generate_series(1, ${size}) n`)
    await database.pool.query('analyze tidemark.events')
  })

  const counted = async () => {
    let statements = 0
    const client = await database.pool.connect()
    const query = client.query.bind(client) as (...values: unknown[]) => unknown
    const counting = ((...values: unknown[]) => {
      statements++
      return query(...values)
    }) as typeof client.query
    return {
      reader: new FilteredReader(
        { queryable: { query: counting }, schema: 'tidemark', prepare: false },
        { enabled: () => Promise.resolve(false) },
      ),
      client,
      count: () => statements,
    }
  }

  // What its reader does not know at all comes too.
  test.each([
    ['Rare', 3, undefined],
    ['Common', 19_998, undefined],
    ['Other', 9999, undefined],
    ['Never', 0, undefined],
    ['Never', 3, ['Never', 'Common', 'Other']],
    ['Other', 10_002, ['Other', 'Common']],
    ['Rare', 30_000, ['Rare']],
  ])('finds every event of type %s, in order, and ends: %i where %j are known', async (type, expected, knownTypes) => {
    const { reader, client, count } = await counted()
    const positions: bigint[] = []
    for (let after = 0n; after < size;) {
      const page = await reader.read({ after, upTo: size, limit: 100, types: [type], knownTypes })
      positions.push(...page.events.map(({ position }) => position))
      expect(page.through).toBeGreaterThan(after)
      after = page.through
    }
    client.release()
    expect(positions).toHaveLength(expected)
    expect(positions).toEqual(positions.toSorted((a, b) => Number(a - b)))
    expect(count()).toBeLessThan(expected / 100 + 20)
  })

  test('a rare type is looked up by its index and not searched through the log', async () => {
    const { reader, client } = await counted()
    await client.query(
      `load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on; set client_min_messages = log`,
    )
    const plans: string[] = []
    client.on('notice', (notice) => plans.push(notice.message ?? ''))
    const knownTypes = ['Never', 'Common', 'Other']
    for (const filter of [{ types: ['Rare'] }, { types: ['Never', 'Rare'] }, { types: ['Never'], knownTypes }])
      await reader.read({ after: 0n, upTo: size, limit: 1000, ...filter })
    client.release(true)
    expect(plans.join('\n')).toContain('events_type_position_idx')
    expect(plans.join('\n')).not.toMatch(/Seq Scan|events_position_key|Rows Removed by Filter: [1-9]\d{2}/)
  })

  test('a gap that a restarted sequence left is not passed step by step', async () => {
    const { reader, client } = await counted()
    await client.query(`alter table tidemark.events alter column position restart with ${2n ** 53n + 1n}`)
    await client.query(
      `insert into tidemark.events (stream_id, version, id, type, schema_version, data, metadata)
       values ('beyond-1', 1, gen_random_uuid(), 'Common', 1, '{}', '{}')`,
    )
    const upTo = 2n ** 53n + 10n
    for (const filter of [{ categories: ['beyond'] }, { categories: ['beyond'], types: ['Common'] }]) {
      const found: bigint[] = []
      let pages = 0
      for (let after = 0n; after < upTo && pages < 1000; pages++) {
        const page = await reader.read({ after, upTo, limit: 100, ...filter })
        found.push(...page.events.map(({ position }) => position))
        after = page.through
      }
      expect(found).toEqual([2n ** 53n + 1n])
      expect(pages).toBeLessThan(20)
    }
    client.release()
  })
})
