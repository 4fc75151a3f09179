import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, freePort } from '@tidemark/test-servers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startCli, type CliResult } from './run-cli.js'

const cwd = fileURLToPath(new URL('fixtures/schemas', import.meta.url))
let database: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  database = await createTestDatabase({ template: databaseTemplate })
})
afterAll(() => database.drop())

/** Runs a command with the code of a release. */
const run = (release: string, args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> =>
  runCli(args, { cwd, env: { DATABASE_URL: database.url, TEST_RELEASE: release, ...env } })
const json = async (release: string, ...args: string[]) => {
  const { code, stdout } = await run(release, [...args, '-o', 'json'])
  return { code, data: JSON.parse(stdout).data }
}

describe('tidemark schemas', () => {
  it('checks without a trace, and registers when it is told to', async () => {
    const first = await json('first', 'schemas', 'check')
    expect(first).toMatchObject({ code: 0, data: [{ type: 'OrderPlaced', status: 'new' }, { type: 'OrderNoted' }] })
    const empty = await run('first', ['schemas', 'list'])
    expect(empty).toMatchObject({ code: 0, stdout: '' })
    expect(empty.stderr).toContain('`tidemark schemas check --register`')
    expect((await run('first', ['schemas', 'check', '--register'])).code).toBe(0)
    expect(await json('first', 'schemas', 'list')).toMatchObject({
      code: 0,
      data: [
        { category: 'order', type: 'OrderPlaced', schemaVersion: 1, revision: 1, compatibility: 'backward' },
        { category: 'order', type: 'OrderNoted' },
      ],
    })
    expect((await run('first', ['schemas', 'check'])).stdout).toMatch(/^order\.OrderPlaced +1 +unchanged$/m)
  })

  it('ends with 4 where a schema does not fit, with the place and what to do, and registers nothing', async () => {
    const { code, stdout, stderr } = await run('accident', ['schemas', 'check', '--register'])
    expect(code).toBe(4)
    expect(stdout).toMatch(/^order\.OrderPlaced +1 +incompatible +backward: \$\.total expects string, may be number$/m)
    expect(stderr).toBe('raise the version of an event that changed, and add an upcaster\n')
    expect((await json('first', 'schemas', 'list')).data).toHaveLength(2)
    expect((await run('accident', ['schemas', 'check', '--compatibility', 'none'])).code).toBe(0)
    expect((await run('raised', ['schemas', 'check'])).code).toBe(0)
    expect((await run('raised', ['schemas', 'check', '--compatibility', 'full'])).code).toBe(4)
    expect((await run('first', ['schemas', 'check', '--compatibility', 'sideways'])).code).toBe(2)
  })

  it('ends with 4 where a type was lost', async () => {
    const { code, stdout, stderr } = await run('first', ['schemas', 'check'], { TEST_DROPS: '1' })
    expect(code).toBe(4)
    expect(stdout).toMatch(/^order\.OrderNoted +1 +dropped$/m)
    expect(stderr).toBe('say of each dropped type what it is now: formerly, or retired\n')
  })

  it('shows what differs, and whose reading it breaks', async () => {
    expect(await json('accident', 'schemas', 'diff')).toEqual({
      code: 0,
      data: [
        {
          ...{ event: 'order.OrderPlaced', version: '1', path: '$.total', registered: 'number', code: 'string' },
          breaks: ['backward', 'forward'],
        },
      ],
    })
    const compatible = await json('compatible', 'schemas', 'diff', 'order.OrderPlaced')
    expect(compatible.data).toMatchObject([{ path: '$.note', code: 'string, optional', breaks: [] }])
    const raised = await json('raised', 'schemas', 'diff')
    expect(raised.data).toMatchObject([
      { version: '1 → 2', path: '$.total', registered: 'number', code: 'string' },
      { version: '1 → 2', path: '$', registered: 'schema version 1', code: 'schema version 2', breaks: ['forward'] },
    ])
    const none = await run('first', ['schemas', 'diff'])
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'the code and what was registered are the same\n' })
    expect((await run('first', ['schemas', 'diff', 'order.OrderPlcaed'])).stderr).toContain('"order.OrderPlaced"?')
  })

  it('lets start refuse before anything runs, and go on where the schemas fit', async () => {
    const refused = await run('accident', ['start', '--only', 'projections'])
    expect(refused).toMatchObject({ code: 4, stdout: '' })
    expect(refused.stderr).toMatch(
      /^error: event order\.OrderPlaced version 1 is incompatible with what was registered/,
    )
    const port = String(await freePort())
    const running = startCli(['start'], {
      cwd,
      env: { DATABASE_URL: database.url, TEST_RELEASE: 'raised', TEST_DROPS: '1', PORT: port },
    })
    await running.until(/"running"/)
    running.child.kill('SIGTERM')
    const { code, stderr } = await running.ended
    expect(code).toBe(0)
    expect(stderr).toContain('a registered event is not known to this code: retire it')
    expect((await json('raised', 'schemas', 'list')).data.at(-1)).toMatchObject({
      type: 'OrderPlaced',
      schemaVersion: 2,
    })
  })
})
