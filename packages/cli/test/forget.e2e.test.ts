import { createEventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, type TestDatabase } from '@tidemark/test-servers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import config, { Person } from './fixtures/people/tidemark.config.js'
import { runCli } from './run-cli.js'

describe('subjects forget', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
  })
  afterAll(() => database.drop())
  const run = (...args: string[]) =>
    runCli(args, {
      cwd: fileURLToPath(new URL('fixtures/people', import.meta.url)),
      env: { DATABASE_URL: database.url },
    })

  it('asks first, and is what a rebuilt read model shows; keys are opened with the configured master key', async () => {
    const pool = database.createPool({ max: 2 })
    const store = createEventStore(pool, { listen: false, personalData: config.personalData! })
    const named = { type: 'Named', data: { personId: 'p-1', name: 'Ada' } } as const
    await store.append(Person, 'p-1', [named], { expectedVersion: 0 })
    const shown = async () => {
      expect(await run('projections', 'rebuild', 'names', '-q')).toMatchObject({ code: 0, stderr: '' })
      return (await pool.query('select person_id, name from tidemark_read.names')).rows
    }
    expect(await shown()).toEqual([{ person_id: 'p-1', name: 'Ada' }])

    expect(await run('subjects', 'forget', 'p-1', '--reason', 'request 118')).toMatchObject({ code: 5, stdout: '' })
    const forgotten = await run('subjects', 'forget', 'p-1', '--reason', 'request 118', '--yes', '-o', 'json')
    expect(JSON.parse(forgotten.stdout).data).toEqual({
      subject: 'p-1',
      streamIds: ['person-p-1'],
      unloadableStreamIds: [],
    })
    expect(forgotten.stderr).toContain('until they are rebuilt')
    expect(await shown()).toEqual([{ person_id: 'p-1', name: 'somebody' }])
    await store.close()
    await pool.end()
  })
})
