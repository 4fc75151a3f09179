import type pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { inTransaction, type Database, type Queryable } from '../src/index.js'
import { insertEvents } from '../src/sql/insert-events.js'
import { selectEventsById } from '../src/sql/select-events-by-id.js'
import { selectLog } from '../src/sql/select-log.js'
import { selectSnapshotAndTail } from '../src/sql/select-snapshot-and-tail.js'
import { selectStream } from '../src/sql/select-stream.js'
import { selectStreamVersions } from '../src/sql/select-stream-versions.js'
import { useTenantDatabase } from './tenant-database.js'

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly Plan[]
}

// A policy holds back conditions that could give rows away before it has spoken; those that the store relies on must still reach an index.
describe('under row-level security', () => {
  const tenants = useTenantDatabase()
  beforeAll(async () => {
    const admin = tenants.poolOf('superuser')
    for (const tenant of ['acme', 'bolt', 'cups']) {
      await inTransaction(admin, async (client) => {
        await client.query(`select set_config('tidemark.tenant', $1, true)`, [tenant])
        await client.query(
          `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
           select 'order-' || n % 200, n / 200 + 1, gen_random_uuid(), 1, case n when 777 then 'Rare' else 'Common' end, '{"n":1}', '{}'
             from generate_series(0, 19999) n`,
        )
      })
    }
    await admin.query('vacuum (analyze) tidemark.events')
  })

  /** The indexes that a statement uses on events, each with its condition; a scan of the table shows as `none`. */
  const accessOf = async (
    pool: pg.Pool,
    tenant: string | undefined,
    work: (database: Database) => Promise<unknown>,
  ): Promise<string[]> => {
    let sent: { text: string; values: unknown[] } | undefined
    const queryable = {
      query: (query: { text: string; values: unknown[] }, callback: never) => {
        sent = { text: query.text, values: query.values }
        return pool.query(query as never, callback)
      },
    } as unknown as Queryable
    await work({ queryable, schema: 'tidemark', prepare: false, ...(tenant !== undefined && { tenant }) })
    return inTransaction(pool, async (client) => {
      if (tenant !== undefined) await client.query(`select set_config('tidemark.tenant', $1, true)`, [tenant])
      const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
        `explain (format json) ${sent?.text}`,
        sent?.values,
      )
      const found: string[] = []
      const walk = (plan: Plan) => {
        const { 'Node Type': node, 'Relation Name': relation, 'Index Name': index, 'Index Cond': condition } = plan
        if (relation === 'events' && node.endsWith('Scan')) found.push(index ? `${index}: ${condition}` : node)
        plan.Plans?.forEach(walk)
      }
      walk(rows[0]!['QUERY PLAN'][0]!.Plan)
      return found
    })
  }
  const byStream = /^events_stream_id_version_key: .*tenant = .*stream_id = /

  test("a tenant's streams are found by tenant, id and version", async () => {
    const range = { fromVersion: 20n, toVersion: 30n, limit: 100, direction: 'forwards' } as const
    const [stream, ...more] = await accessOf(tenants.pool, 'bolt', (database) =>
      selectStream(database, 'order-7', range),
    )
    expect(stream).toMatch(byStream)
    expect(stream).toMatch(/version >= .*version <= /)
    expect(more).toEqual([])

    const tail = { snapshotVersion: 1, toVersion: 90n, limit: 100 }
    const access = await accessOf(tenants.pool, 'bolt', (database) => selectSnapshotAndTail(database, 'order-7', tail))
    for (const one of access) expect(one).toMatch(/^events_(stream_id_version|id)_key: .*tenant = /)
    expect(access).not.toEqual([])

    const versions = await accessOf(tenants.pool, 'bolt', (database) =>
      selectStreamVersions(database, ['order-7', 'x-1']),
    )
    for (const one of versions) expect(one).toMatch(byStream)
    expect(versions).not.toEqual([])
  })

  test('an append looks the version up, and ids are looked up, by their keys', async () => {
    const event = { id: '0190a0a0-0000-7000-8000-000000000001', type: 'T', schemaVersion: 1, data: '1', metadata: '{}' }
    const append = await accessOf(tenants.pool, 'bolt', (database) =>
      insertEvents(database, [{ streamId: 'order-7', expected: -1n, events: [event] }]),
    )
    expect(append).toHaveLength(1)
    expect(append[0]).toMatch(byStream)
    const ids = await accessOf(tenants.pool, 'bolt', (database) => selectEventsById(database, [event.id]))
    expect(ids).toHaveLength(1)
    expect(ids[0]).toMatch(/^events_id_key: .*tenant = .*id = ANY/)
  })

  test('a projector reads the log of all by position, and a rare type by its index', async () => {
    const pool = tenants.poolOf('projector')
    const page = { after: 100n, upTo: 50_000n, limit: 500, tenants: true }
    const [all] = await accessOf(pool, undefined, (database) => selectLog(database, page))
    expect(all).toMatch(/^events_position_key: .*"?position"? > .*"?position"? <= /)
    const rare = await accessOf(pool, undefined, (database) => selectLog(database, { ...page, types: ['Rare'] }))
    expect(rare).toHaveLength(1)
    expect(rare[0]).toMatch(/^events_type_position_idx: /)
  })

  test('COPY gives a projector everything, a tenant its own, and nobody else anything', async () => {
    const copy = 'copy (select * from tidemark.events where version = 5) to stdout'
    expect((await tenants.poolOf('projector').query(copy)).rowCount).toBe(600)
    expect((await tenants.poolOf('projector').query('copy tidemark.events to stdout')).rowCount).toBeGreaterThan(59_999)
    await inTransaction(tenants.pool, async (client) => {
      await client.query(`select set_config('tidemark.tenant', 'acme', true)`)
      expect((await client.query(copy)).rowCount).toBe(200)
    })
    await expect(tenants.pool.query(copy)).rejects.toMatchObject({ code: 'TM003' })
  })
})
