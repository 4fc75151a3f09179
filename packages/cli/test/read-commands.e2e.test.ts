import { describe, expect, it } from 'vitest'
import { useCounterDatabase } from './counter-store.js'
import { hasPseudoTerminals, runCli, startCli, startCliOnTerminal } from './run-cli.js'

const database = useCounterDatabase()
const env = () => ({ DATABASE_URL: database.url })
const json = async (...args: string[]) => {
  const { stdout, code } = await runCli([...args, '-o', 'json'], { env: env() })
  return { code, envelope: JSON.parse(stdout) }
}

describe('commands that read', () => {
  it('write data to stdout and nothing else', async () => {
    const { code, stdout, stderr } = await runCli(['streams', 'list', '--limit', '2'], { env: env() })
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ['stream', 'version', 'last event'],
      ['counter-1', '1', 'Added'],
      ['counter-2', '1', 'Added'],
      [''],
    ])
    expect(stderr).toBe('there may be more: --after counter-2\n')
  })

  it('go on where they were told to', async () => {
    const { envelope } = await json('streams', 'list', '--after', 'counter-2')
    expect(envelope.data.map(({ streamId }: { streamId: string }) => streamId)).toEqual(['counter-3'])
    const { envelope: other } = await json('streams', 'list', '--category', 'count')
    expect(other).toEqual({ status: 'ok', data: [], error: null })
  })

  it('show the events of a stream', async () => {
    await database.add('shown', 5)
    await database.add('shown', 6)
    const { envelope } = await json('streams', 'show', 'counter-shown', '--reverse', '--limit', '1')
    expect(envelope.data).toMatchObject([{ version: '2', type: 'Added', data: { amount: 6 } }])
    const lines = await runCli(['streams', 'show', 'counter-shown', '-o', 'ndjson', '-q'], { env: env() })
    expect(
      lines.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).version),
    ).toEqual(['1', '2'])
    expect(lines.stderr).toBe('')
  })

  it('fail with 1 for a stream that is not there', async () => {
    const { code, stderr, stdout } = await runCli(['streams', 'show', 'counter-none'], { env: env() })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe('error: stream "counter-none" has no events: `tidemark streams list` shows those that have\n')
  })

  it('list projections and bridges that nobody runs', async () => {
    const projections = await json('projections', 'list')
    expect(projections.code).toBe(0)
    expect(projections.envelope.data).toMatchObject([
      { name: 'counter-totals', version: 1, state: 'stopped', position: '0' },
      { name: 'audit', state: 'stopped' },
    ])
    const bridges = await json('bridge', 'list')
    expect(bridges.envelope.data).toMatchObject([{ name: 'counters', state: 'stopped', position: '0' }])
  })

  it('end with 3 when something is further behind than is allowed', async () => {
    expect((await json('projections', 'list', '--max-lag', '1')).code).toBe(3)
    expect((await json('bridge', 'list', '--max-lag', '1000')).code).toBe(0)
  })

  it('tell the migration and the head', async () => {
    const { code, envelope } = await json('db', 'status')
    expect(code).toBe(0)
    expect(envelope.data).toMatchObject({ schema: 'tidemark', state: 'current', heldBackByPid: null })
    expect(BigInt(envelope.data.head)).toBeGreaterThanOrEqual(3n)
  })

  it('print the configuration without its password', async () => {
    const withPassword = {
      DATABASE_URL: 'postgres://someone:secret@db.example/shop',
      KAFKA_BROKERS: 'a:1,b:2',
      PORT: '99',
      READ_MODELS_URL: 'postgres://reader@db.example/models?password=secret&sslpassword=secret',
      SCHEMA_REGISTRY_URL: 'https://someone:secret@registry.example',
      SCHEMA_REGISTRY_PASSWORD: 'secret',
    }
    const { stdout } = await runCli(['config', 'print', '-o', 'json'], { env: withPassword })
    expect(JSON.parse(stdout).data).toMatchObject({
      database: 'postgres://someone:***@db.example/shop',
      databaseFrom: 'DATABASE_URL',
      api: 'http://127.0.0.1:99',
      brokers: ['a:1', 'b:2'],
      aggregates: ['counter'],
      projections: ['counter-totals', 'audit'],
      bridges: ['counters'],
      consumers: ['counter-notes'],
      readModels: 'postgres://reader@db.example/models?password=***&sslpassword=***',
      schemaRegistry: 'https://someone:***@registry.example/',
    })
    expect(stdout).not.toContain('secret')
  })

  it('stop without a word when their reader has seen enough', async () => {
    const running = startCli(['streams', 'list'], { env: env() })
    running.child.stdout?.destroy()
    const { code, stderr } = await running.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

describe.skipIf(!hasPseudoTerminals)('a terminal (needs script of util-linux)', () => {
  const escape = '\u001b['

  it('gets colours, a pipe does not', async () => {
    const onTerminal = await startCliOnTerminal(['streams', 'list'], { env: { ...env(), TERM: 'xterm' } }).ended
    expect(onTerminal.stdout).toContain(`${escape}2mstream`)
    const inPipe = await runCli(['streams', 'list'], { env: { ...env(), TERM: 'xterm' } })
    expect(inPipe.stdout).not.toContain(escape)
    const forced = await runCli(['--help'], { env: { FORCE_COLOR: '1' } })
    expect(forced.stdout).toContain(`${escape}1mUsage:`)
    const without = await startCliOnTerminal(['streams', 'list'], { env: { ...env(), TERM: 'xterm', NO_COLOR: '1' } })
      .ended
    expect(without.stdout).not.toContain(escape)
  })

  it('gets its errors in full, after everything else', async () => {
    const { code, stdout } = await startCliOnTerminal(['projections', 'rebuild', 'counter-total'], { env: env() }).ended
    expect(code).toBe(2)
    expect(stdout.replaceAll('\u001b[31m', '').replaceAll('\u001b[39m', '').trimEnd()).toBe(
      'error: there is no projection "counter-total": did you mean "counter-totals"?',
    )
  })
})
