import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli } from './run-cli.js'

const database = useCounterDatabase(2)
const cli = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(args, { env: { DATABASE_URL: database.url, ...env } })
const onTarget = async (text: string) => {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const { rows } = await client.query<Record<string, unknown>>(text)
  await client.end()
  return rows
}

describe('db import', () => {
  let origin: TestDatabase
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-import-'))
  const query = `select n as position, 'counter-i' || n % 3 as stream_id, 'Added' as type, json_build_object('amount', n) as data from numbers`
  beforeAll(async () => {
    origin = await createTestDatabase()
    const pool = origin.createPool()
    await pool.query('create table numbers as select generate_series(1, 30) as n')
  })
  afterAll(async () => {
    rmSync(folder, { recursive: true })
    await origin.drop()
  })

  it('checks first when it is told to, then imports, and goes on where it was', async () => {
    const source = { TIDEMARK_IMPORT_URL: origin.url }
    const count = () => onTarget(`select count(*)::int as n from tidemark.events where stream_id like 'counter-i%'`)
    const dry = await cli(['db', 'import', '--query', query, '--dry-run', '-o', 'json'], source)
    expect(dry.code).toBe(0)
    expect(JSON.parse(dry.stdout).data).toMatchObject({
      dryRun: true,
      events: '30',
      streams: '3',
      types: { Added: 30 },
    })
    expect(await count()).toEqual([{ n: 0 }])

    const file = join(folder, 'numbers.sql')
    writeFileSync(file, `${query};\n`)
    const done = await cli(['db', 'import', '--query-file', file, '--batch-size', '7', '-o', 'json'], source)
    expect(JSON.parse(done.stdout).data).toMatchObject({ dryRun: false, events: '30', through: '30' })
    const again = await cli(['db', 'import', '--query-file', file, '-o', 'json'], source)
    expect(JSON.parse(again.stdout).data).toMatchObject({ events: '0', from: '30' })
    expect(await count()).toEqual([{ n: 30 }])
  })

  it('says what cannot be imported', async () => {
    const bad = query.replace("'Added'", "'$Added'")
    const dry = await cli(['db', 'import', '--name', 'bad', '--query', bad, '--dry-run'], {
      TIDEMARK_IMPORT_URL: origin.url,
    })
    expect(dry.code).toBe(1)
    expect(dry.stderr).toBe('error: 30 events cannot be imported, nothing was written\n')
    const real = await cli(['db', 'import', '--name', 'bad', '--query', bad], { TIDEMARK_IMPORT_URL: origin.url })
    expect(real).toMatchObject({ code: 1, stdout: '' })
    expect(real.stderr).toContain('row 1 of the source')
  })

  it('refuses a password in an argument, and what it cannot work with', async () => {
    const secret = await cli(['db', 'import', '--query', query, '--from', 'postgres://me:secret@127.0.0.1/x'])
    expect(secret).toMatchObject({ code: 2, stdout: '' })
    expect(secret.stderr).toContain('set TIDEMARK_IMPORT_URL instead')
    expect(secret.stderr).not.toContain('secret')
    expect(await cli(['db', 'import', '--query', query])).toMatchObject({ code: 2 })
    expect(await cli(['db', 'import'], { TIDEMARK_IMPORT_URL: origin.url })).toMatchObject({ code: 2 })
    const unknown = await cli(['db', 'import', '--query', 'select 1 as n'], { TIDEMARK_IMPORT_URL: origin.url })
    expect(unknown).toMatchObject({ code: 2 })
    expect(unknown.stderr).toContain('the query lacks position, stream_id, type, data')
    const writing = `select lo_create(0)::bigint as position, 'a-1' as stream_id, 'T' as type, '1'::text as data`
    const written = await cli(['db', 'import', '--query', writing], { TIDEMARK_IMPORT_URL: origin.url })
    expect(written).toMatchObject({ code: 1, stdout: '' })
    expect(written.stderr).toContain('25006')
  })
})

describe('db new-epoch', () => {
  it('is what start asks for on a log that went back', async () => {
    await onTarget(
      `insert into tidemark.checkpoints (name, position, event_id) values ('gone', 999, gen_random_uuid())`,
    )
    await onTarget('update tidemark.store set timeline = timeline + 1')
    const refused = await cli(['start', '--only', 'api'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/"gone" at position 999 .*`tidemark db new-epoch`\n$/)
    await onTarget(`delete from tidemark.checkpoints where name = 'gone'`)
  })

  it('asks, waits for a decision about checkpoints that do not fit, and tells what it moved', async () => {
    const epochNow = async () => (await onTarget('select epoch from tidemark.store'))[0]
    const before = await epochNow()
    await onTarget(
      `insert into tidemark.checkpoints (name, position, event_id) values ('bridge:b', 999999, gen_random_uuid())`,
    )
    const reason = ['--reason', 'a drill']
    expect(await cli(['db', 'new-epoch', ...reason])).toMatchObject({ code: 5, stdout: '' })
    const undecided = await cli(['db', 'new-epoch', ...reason, '--yes'])
    expect(undecided).toMatchObject({ code: 2, stdout: '' })
    expect(undecided.stderr).toContain('"bridge:b" at position 999999')
    expect(await cli(['db', 'new-epoch', ...reason, '--yes', '--rewind-to', 'here'])).toMatchObject({ code: 2 })
    expect(await epochNow()).toEqual(before)

    const done = await cli(['db', 'new-epoch', ...reason, '--yes', '--rewind-to', 'end', '-o', 'json'])
    expect(done.code).toBe(0)
    expect(JSON.parse(done.stdout).data).toMatchObject({ rewound: [{ name: 'bridge:b', position: '999999' }] })
    expect(done.stderr).toContain('checkpoint "bridge:b" was moved from 999999 to')
    expect(await epochNow()).not.toEqual(before)
  })
})
