import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCli } from './run-cli.js'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
const cli = (args: readonly string[], role = 'none') => {
  const url = new URL(database.directUrl)
  url.searchParams.set('options', `-c role=${role}`)
  return runCli(args, { env: { DATABASE_URL: url.href } })
}

it('works for one tenant at a time, as a role that is bound to it', async () => {
  const migrated = await cli(['db', 'migrate', '--tenancy', '-o', 'json'])
  expect(JSON.parse(migrated.stdout).data).toMatchObject({ tenancy: true })
  const pool = database.createPool()
  for (const tenant of ['acme', 'bolt']) {
    await pool.query(
      `set tidemark.tenant = '${tenant}';
       insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
       values ('counter-1', 1, gen_random_uuid(), 1, 'Added', '{"of":"${tenant}"}', '{"correlationId":"c"}')`,
    )
  }
  const shown = await cli(['streams', 'show', 'counter-1', '--tenant', 'bolt', '-o', 'json'], 'tidemark_writer')
  expect(JSON.parse(shown.stdout).data).toMatchObject([{ tenant: 'bolt', data: { of: 'bolt' } }])
  const listed = await cli(['streams', 'list', '--tenant', 'acme', '-o', 'json'], 'tidemark_writer')
  expect(JSON.parse(listed.stdout).data).toMatchObject([{ streamId: 'counter-1', version: '1' }])

  const traced = await cli(['events', 'trace', '2', '--tenant', 'bolt', '-o', 'json'], 'tidemark_projector')
  expect(JSON.parse(traced.stdout).data.roots).toMatchObject([{ effects: [{ event: { tenant: 'bolt' } }] }])
  const exported = await cli(['streams', 'export', 'counter-1', '--tenant', 'bolt'], 'tidemark_writer')
  expect(JSON.parse(exported.stdout)).toMatchObject({ events: [{ version: '1' }], trace: [{}] })

  for (const verb of [['show', 'counter-1'], ['list']]) {
    const without = await cli(['streams', ...verb])
    expect(without).toMatchObject({ code: 2, stdout: '' })
    expect(without.stderr).toContain('--tenant')
    const unbound = await cli(['streams', ...verb, '--tenant', 'bolt'])
    expect(unbound).toMatchObject({ code: 2, stdout: '' })
    expect(unbound.stderr).toContain('connect as one that is no superuser')
  }
})
