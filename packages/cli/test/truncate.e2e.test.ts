import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { runCli } from './run-cli.js'

const database = useCounterDatabase(0)
const folder = mkdtempSync(join(tmpdir(), 'tidemark-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))
const truncate = (...args: string[]) =>
  runCli(['streams', 'truncate', 'counter-old', '--reason', 'kept for a year', ...args], {
    env: { DATABASE_URL: database.url },
  })

describe('streams truncate', () => {
  it('asks first, archives, and keeps what could not be loaded any more', async () => {
    for (let amount = 1; amount <= 4; amount++) await database.add('old', amount)
    expect(await truncate('--before', '3')).toMatchObject({ code: 5, stdout: '' })

    const archive = join(folder, 'old.ndjson')
    const refused = await truncate('--before', '3', '--yes', '--archive', archive)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('no usable snapshot at version 2')
    expect(existsSync(archive)).toBe(false)

    const done = await truncate('--before', '3', '--yes', '--without-snapshot', '--archive', archive, '-o', 'json')
    expect(JSON.parse(done.stdout)).toMatchObject({ data: { streamId: 'counter-old', deletedEvents: '2' } })
    const archived = readFileSync(archive, 'utf8').trim().split('\n')
    expect(archived.map((line) => JSON.parse(line))).toMatchObject([
      { version: '1', type: 'Added', data: { amount: 1 } },
      { version: '2', type: 'Added', data: { amount: 2 } },
    ])

    const again = await truncate('--before', '4', '--yes', '--without-snapshot', '--archive', archive)
    expect(again.stderr).toContain('nothing was deleted')
    const shown = await runCli(['streams', 'show', 'counter-old', '-o', 'json'], {
      env: { DATABASE_URL: database.url },
    })
    expect(JSON.parse(shown.stdout).data.map(({ version }: { version: string }) => version)).toEqual(['3', '4'])
  })
})
