import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli, startCli, startCliOnTerminal } from './run-cli.js'

const database = useCounterDatabase()
const cwd = fileURLToPath(new URL('fixtures/versions', import.meta.url))
const options = (version = '1', more: Readonly<Record<string, string>> = {}) => ({
  cwd,
  env: { DATABASE_URL: database.url, TEST_VERSION: version, ...more },
})
const run = (verb: string, args: readonly string[] = [], version?: string) =>
  runCli(['projections', verb, ...args], options(version))
const json = async (verb: string, args: readonly string[] = [], version?: string) => {
  const { code, stdout, stderr } = await run(verb, [...args, '-o', 'json'], version)
  const { data, error } = JSON.parse(stdout)
  return { code, stderr, data, error }
}
/** The cells of a table, by the names of its columns; the first column of each line is its key. */
const cellsOf = (stdout: string) => {
  const [head = '', ...lines] = stdout.trimEnd().split('\n')
  const starts = [...head.matchAll(/\S+( \S+)*/g)].map(({ index, 0: name }) => ({ index, name }))
  return lines.map((line) =>
    Object.fromEntries(
      starts.map(({ index, name }, column) => [name, line.slice(index, starts[column + 1]?.index).trim()]),
    ),
  )
}
/** Does something while a process runs the projections. */
const whileRunning = async <T>(work: () => Promise<T>, more: Readonly<Record<string, string>> = {}) => {
  const running = startCli(['start', '--only', 'projections'], options('1', more))
  await running.until(/"running"/)
  try {
    return await work()
  } finally {
    running.child.kill('SIGTERM')
    await running.ended
  }
}

describe('tidemark projections', () => {
  it('tells of each verb what it does, with an example', async () => {
    for (const verb of ['list', 'show', 'pause', 'resume', 'rebuild', 'diff', 'promote', 'rollback']) {
      const { code, stdout } = await run(verb, ['--help'])
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`\\nExamples?:\\n  \\$ tidemark projections ${verb}`))
      expect(stdout).not.toContain('--join')
    }
  })

  it('lists what holds each up, and how late it is', async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const { code, stdout } = await run('list')
    expect(code).toBe(0)
    const [totals, audit] = cellsOf(stdout)
    expect(totals).toMatchObject({
      name: 'totals',
      state: 'stopped',
      lag: '3',
      stall: 'nobody runs it',
      'per s': '',
      eta: '',
    })
    expect(Number(totals!['lag s'])).toBeGreaterThanOrEqual(1)
    expect(audit).toMatchObject({ name: 'audit', stall: 'nobody runs it' })
    const listed = await json('list')
    expect(listed.data[0]).toMatchObject({ name: 'totals', lag: '3', stall: { reason: 'lease' }, tables: [] })
    expect(listed.data[0].lagMs).toBeGreaterThanOrEqual(1000)
  })

  it('has nothing to pause, to promote, to compare with or to go back to before it was started', async () => {
    expect(await json('pause', ['totals', '--reason', 'early'])).toMatchObject({
      code: 1,
      error: { code: 'CLI_FAILED' },
    })
    for (const verb of ['promote', 'rollback', 'diff']) {
      const { code, error, stderr } = await json(verb, ['totals'])
      expect({ verb, code, error: error.code }).toEqual({ verb, code: 2, error: 'PROJECTIONS_NO_SUCH_TABLE' })
      expect(stderr).toMatch(/^error: /)
    }
    expect((await run('pause', ['totals'])).code).toBe(2)
    expect((await run('show', ['total'])).stderr).toContain('did you mean "totals"?')
    for (const verb of ['diff', 'promote', 'rollback']) {
      expect(await run(verb, ['audit'])).toMatchObject({ code: 2, stdout: '' })
    }
    for (const wrong of [
      ['--workers', '0'],
      ['--share', '2'],
    ]) {
      expect(await run('rebuild', ['totals', ...wrong])).toMatchObject({ code: 2, stdout: '' })
    }
  })

  it('pauses with a reason, and resumes', async () => {
    expect((await json('rebuild', ['totals'])).data).toMatchObject({ promoted: true, rows: 3, table: 'totals_v1_1' })
    const pause = await json('pause', ['totals', '--reason', 'a look at the rows'])
    expect(pause).toMatchObject({ code: 0, stderr: '', data: { projection: 'totals', paused: true } })
    const again = await json('pause', ['totals', '--reason', 'another'])
    expect(again.data).toEqual({ projection: 'totals', paused: false, reason: 'a look at the rows' })
    expect(again.stderr).toBe('it was paused before: a look at the rows\n')
    const shown = await run('show', ['totals'])
    expect(shown.code).toBe(0)
    expect(shown.stdout).toMatch(/^stall +it was paused \(a look at the rows\): `tidemark projections resume totals`/m)
    expect(cellsOf((await run('list')).stdout)[0]).toMatchObject({ state: 'paused', stall: 'paused' })
    expect((await json('resume', ['totals'])).data).toEqual({ projection: 'totals', resumed: true })
    const nothing = await json('resume', ['totals'])
    expect(nothing).toMatchObject({ code: 0, data: { resumed: false } })
    expect(nothing.stderr).toContain('neither paused nor stopped')
  })

  it('names who holds the head back', async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    try {
      await whileRunning(async () => {
        await expect
          .poll(async () => (await json('show', ['totals'])).data.stall ?? 'none', { timeout: 20_000 })
          .toBe('none')
        const { rows } = await client.query<{ pid: number }>('begin; select pg_backend_pid() as pid').then((all) => {
          return (all as unknown as pg.QueryResult<{ pid: number }>[])[1]!
        })
        await client.query(
          `insert into tidemark.events (stream_id, version, id, schema_version, type, data, metadata)
           values ('counter-open', 1, gen_random_uuid(), 1, 'Added', '{"amount": 1}', '{}')`,
        )
        const [totals] = cellsOf((await run('list')).stdout)
        expect(totals).toMatchObject({ state: 'running', stall: `head held back by pid ${rows[0]!.pid}` })
        expect((await run('show', ['totals'])).stdout).toMatch(/^stall +an open append of pid \d+ holds the head back/m)
        await client.query('rollback')
        // The position that was taken stays empty, and is passed.
        await expect.poll(async () => (await json('show', ['totals'])).data.position, { timeout: 20_000 }).toBe('4')
      })
    } finally {
      await client.end()
    }
  })

  it('compares what was built with what is live, and ends with 3 where that is too much', async () => {
    const built = await json('rebuild', ['totals', '--no-promote'], '2')
    expect(built.data).toMatchObject({ promoted: false, table: 'totals_v2_2' })
    expect(built.stderr).toContain('`tidemark projections diff totals`')
    const diff = await json('diff', ['totals'], '2')
    expect(diff).toMatchObject({ code: 0, stderr: '' })
    expect(diff.data).toMatchObject({ projection: 'totals', added: 0, removed: 0, changed: 1, unchanged: 2 })
    expect(diff.data.sample).toEqual([
      {
        ...{ key: '2', change: 'changed', columns: ['total'] },
        ...{ before: { counter_id: '2', total: 2 }, after: { counter_id: '2', total: 4 } },
      },
    ])
    expect(await json('diff', ['totals', '--max-changed', '1', '--sample', '0'], '2')).toMatchObject({
      code: 0,
      data: { sample: [] },
    })
    const tooMuch = await run('diff', ['totals', '--max-changed', '0'], '2')
    expect(tooMuch.code).toBe(3)
    expect(tooMuch.stderr).toBe('1 rows are not the same, 0 may be\n')
    const lines = tooMuch.stdout.split('\n\n')
    expect(lines[0]).toMatch(/^changedColumns +total \(1\)$/m)
    expect(cellsOf(lines[1]!)).toEqual([
      { key: '2', change: 'changed', columns: 'total', live: '{"total":2}', totals_v2_2: '{"total":4}' },
    ])
  })

  it('shows its tables with their shards', async () => {
    const { code, stdout } = await run('show', ['totals'], '2')
    expect(code).toBe(0)
    const [facts = '', shards = ''] = stdout.split('\n\n')
    expect(facts).toMatch(/^stall +version 1 is live: `tidemark projections rebuild totals`/m)
    expect(cellsOf(shards)).toMatchObject([
      { table: 'totals_v1_1', version: '1', status: 'live', shard: '1/1', position: '4' },
      { table: 'totals_v2_2', version: '2', status: 'built', shard: '1/1', position: '4' },
    ])
    const { data } = await json('show', ['totals'], '2')
    expect(data).toMatchObject({
      name: 'totals',
      kind: 'read-model',
      stall: { reason: 'other-version-live', version: 1 },
      lagMs: 0,
    })
    expect(data.tables[1]).toMatchObject({
      table: 'totals_v2_2',
      status: 'built',
      target: '4',
      shards: [{ position: '4' }],
    })
  })

  it('promotes and rolls back once it was confirmed', async () => {
    const asked = await run('promote', ['totals'], '2')
    expect(asked).toMatchObject({ code: 5, stdout: '' })
    expect(asked.stderr).toContain(
      'Let readers of "totals" see totals_v2_2 (version 2) instead of totals_v1_1 (version 1)?',
    )
    const promoted = await json('promote', ['totals', '--yes'], '2')
    expect(promoted).toMatchObject({ code: 0, stderr: '' })
    expect(promoted.data).toEqual({
      ...{ projection: 'totals', table: 'totals_v2_2', version: 2, previousTable: 'totals_v1_1', previousVersion: 1 },
    })
    expect((await run('rollback', ['totals'], '2')).code).toBe(5)
    const declined = startCliOnTerminal(['projections', 'rollback', 'totals'], options('2'))
    await declined.until(/\[y\/N\]/)
    declined.child.kill('SIGTERM')
    await declined.ended
    expect((await json('show', ['totals'], '2')).data.table).toBe('totals_v2_2')
    expect((await json('rollback', ['totals', '--yes'], '2')).data).toMatchObject({ table: 'totals_v1_1', version: 1 })
    const back = await json('diff', ['totals', '--with', 'previous'], '2')
    expect(back.data).toMatchObject({ other: 'totals_v2_2', changed: 1 })
  })

  it('ends with 4 where a table of another version does not come up to the live one', async () => {
    await json('rollback', ['totals', '--yes'], '2')
    await database.add('2', 5)
    const running = startCli(['start', '--only', 'projections'], options('2'))
    await expect.poll(async () => (await json('show', ['totals'], '2')).data.lag, { timeout: 20_000 }).toBe('0')
    running.child.kill('SIGTERM')
    await running.ended
    const [behind, apart] = await Promise.all([
      json('rollback', ['totals', '--yes'], '2'),
      json('diff', ['totals', '--with', 'previous'], '2'),
    ])
    expect(behind).toMatchObject({ code: 4, error: { code: 'PROJECTIONS_TABLE_BEHIND' } })
    expect(apart).toMatchObject({ code: 4, error: { code: 'PROJECTIONS_NOT_COMPARABLE' } })
  })

  it('lists what failed with 3, and lets it go on once the code is mended', async () => {
    expect((await json('rollback', ['totals', '--yes'], '1')).data).toMatchObject({ table: 'totals_v1_1' })
    await database.add('3', 1)
    await whileRunning(
      () => expect.poll(async () => (await json('list')).data[0].failures, { timeout: 20_000 }).toBe(4),
      { TEST_FAILS: '1' },
    )
    await expect.poll(async () => (await json('list')).code, { timeout: 20_000 }).toBe(3)
    expect(cellsOf((await run('list')).stdout)[0]).toMatchObject({ state: 'failed', stall: 'failed 4×' })
    const shown = await run('show', ['totals'])
    expect(shown.code).toBe(3)
    expect(shown.stdout).toMatch(
      /^stall +it stopped after 4 failures: mend it, then `tidemark projections resume totals`/m,
    )
    expect((await json('resume', ['totals'])).data).toMatchObject({ resumed: true })
    await whileRunning(() =>
      expect.poll(async () => (await json('show', ['totals'])).data, { timeout: 20_000 }).toMatchObject({ lag: '0' }),
    )
  })
})
