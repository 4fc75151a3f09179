import { createEventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Visit } from './fixtures/history/tidemark.config.js'
import { runCli, startCli } from './run-cli.js'

const here = dirname(fileURLToPath(import.meta.url))
const config = join(here, 'fixtures/history/tidemark.config.ts')

const [first, second, third] = [1, 2, 3].map((n) => `01941f2b-50c0-7000-8000-00000000000${n}`)

let database: Awaited<ReturnType<typeof createTestDatabase>>
const run = (...args: string[]) => runCli([...args, '--config', config], { env: { DATABASE_URL: database.url } })
const json = async (...args: string[]) => JSON.parse((await run(...args, '-o', 'json')).stdout).data

async function withStore(work: (store: ReturnType<typeof createEventStore>) => Promise<unknown>): Promise<void> {
  const pool = database.createPool({ max: 2 })
  const store = createEventStore(pool, { listen: false })
  await work(store)
  await store.close()
  await pool.end()
}

beforeAll(async () => {
  database = await createTestDatabase({ template: databaseTemplate })
  await withStore(async (store) => {
    await store.execute(
      Visit,
      'v-1',
      'arrive',
      { guestId: 'g-1', name: 'Grace </script>' },
      { commandId: first!, actor: 'porter' },
    )
    const { events } = await store.execute(Visit, 'v-1', 'leave', {}, { commandId: second! })
    const caused = { commandId: third!, correlationId: first!, causationId: events[0]!.id }
    await store.execute(Visit, 'v-2', 'arrive', { guestId: 'g-2', name: 'Edsger' }, caused)
  })
})
afterAll(() => database.drop())

describe('a stream', () => {
  it('is told at a version, and between two', async () => {
    const [state, { stdout, stderr, code }, missing, unclear] = await Promise.all([
      json('streams', 'state', 'visit-v-1', '--at', '1'),
      run('streams', 'diff', 'visit-v-1', '1..'),
      run('streams', 'state', 'visit-none'),
      run('streams', 'diff', 'visit-v-1', '3'),
    ])
    expect(state).toEqual({
      streamId: 'visit-v-1',
      version: '1',
      position: '1',
      state: { guest: 'Grace </script>', present: true },
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'visit-v-1 from version 1 to version 2\n' })
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['field', 'before', 'after'],
      ['/present', 'true', 'false'],
      [''],
    ])
    expect(missing.stderr).toContain('stream "visit-none" has no events')
    expect(unclear.stderr).toContain('two versions or times with .. between')
  })

  it('is exported without personal data', async () => {
    const forms = ['json', 'html', 'vitest']
    const exported = await Promise.all(forms.map((as) => run('streams', 'export', 'visit-v-1', '--as', as)))
    for (const [index, { stdout, code }] of exported.entries()) {
      const as = forms[index]
      expect({ as, code }).toEqual({ as, code: 0 })
      expect(stdout).toContain('somebody')
      expect(stdout).not.toMatch(/Grace|\$personal|porter|Edsger/)
    }
  })

  it('becomes a test that passes', async () => {
    const folder = mkdtempSync(join(here, 'fixtures/history/exported-'))
    try {
      const file = join(folder, 'visit.test.ts')
      expect((await run('streams', 'export', 'visit-v-1', '--as', 'vitest', '--file', file)).code).toBe(0)
      expect(readFileSync(file, 'utf8')).toContain(`.when('leave', {})`)
      expect(
        (
          await run(
            'streams',
            'export',
            'visit-v-1',
            '--as',
            'vitest',
            '--at',
            '1',
            '--file',
            join(folder, 'first.test.ts'),
          )
        ).code,
      ).toBe(0)
      expect((await run('streams', 'export', 'visit-v-1', '--file', file)).stderr).toContain('cannot be made')
      // Without one it finds that of the repository.
      writeFileSync(join(folder, 'vitest.config.js'), 'export default {}')
      const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
      const { stdout } = await promisify(execFile)(process.execPath, [vitest, 'run', '--root', folder, '--no-color'])
      expect(stdout).toMatch(/Tests +2 passed/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('events', () => {
  it('are found by their data, and traced to what caused them', async () => {
    const [byData, byActor, { stdout }, missing] = await Promise.all([
      json('events', 'search', '--type', 'Arrived', '--data', 'guestId=g-2'),
      json('events', 'search', '--actor', 'porter', '--limit', '5'),
      run('events', 'trace', '3'),
      run('events', 'trace', '99'),
    ])
    expect(byData).toMatchObject([{ streamId: 'visit-v-2', position: '3' }])
    expect(byActor).toMatchObject([{ position: '1' }])
    expect(stdout.split('\n').map((line) => line.replace(/ {2}position.*/, ''))).toEqual([
      `caused by ${first}`,
      '  - Arrived  visit-v-1 1',
      `caused by ${second}`,
      '  - Left  visit-v-1 2',
      '    - Arrived  visit-v-2 1',
      '',
    ])
    expect(missing.stderr).toContain('there is no event "99"')
  })

  it('are followed until Ctrl-C', async () => {
    const env = { DATABASE_URL: database.url }
    const log = startCli(['events', 'tail', '--last', '1', '-o', 'ndjson', '--config', config], { env })
    const stream = startCli(['streams', 'tail', 'visit-v-3', '--config', config], { env })
    await log.until(/visit-v-2/)
    await withStore((store) => store.execute(Visit, 'v-3', 'arrive', { guestId: 'g-3', name: 'Barbara' }))
    await Promise.all([log.until(/visit-v-3/), stream.until(/visit-v-3 1 {2}Arrived/)])
    log.child.kill('SIGINT')
    stream.child.kill('SIGTERM')
    const [logged, streamed] = await Promise.all([log.ended, stream.ended])
    expect([logged.code, streamed.code, logged.stderr, streamed.stderr]).toEqual([130, 130, '', ''])
    expect(
      logged.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).position),
    ).toEqual(['3', '4'])
    expect((await run('events', 'tail', '-o', 'json')).stderr).toContain('use -o ndjson')
  })
})
