import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase, freePort, runKafkaTool, startSchemaRegistry } from '@tidemark/test-servers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { runCli, type CliResult } from './run-cli.js'

const cwd = fileURLToPath(new URL('fixtures/registry', import.meta.url))
const brokers = inject('kafkaBrokers')
const registry = await startSchemaRegistry()
afterAll(() => (registry.kind === 'unavailable' ? undefined : registry.close()))

describe.skipIf(registry.kind === 'unavailable')('tidemark schemas check --registry', () => {
  const url = registry.kind === 'unavailable' ? '' : registry.url
  const namespace = `cli_${process.pid}_${Date.now()}`
  const subject = `${namespace}.order.OrderPlaced`
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
  })
  afterAll(() => database.drop())

  /** Runs a command with the code of a release. */
  const run = (release: string, args: readonly string[], env: Record<string, string> = {}): Promise<CliResult> =>
    runCli(args, { cwd, env: { TEST_RELEASE: release, TEST_NAMESPACE: namespace, ...env } })
  const check = async (release: string, ...args: string[]) => {
    const { code, stdout } = await run(release, ['schemas', 'check', '--registry', url, ...args, '-o', 'json'])
    return { code, data: JSON.parse(stdout).data }
  }

  // Ten programs, each of which starts a compiler.
  it('needs no database, registers when it is told to, and ends with 4 where a schema does not fit', async () => {
    expect(await check('first')).toEqual({
      code: 0,
      data: [{ bridge: 'orders', event: 'order.OrderPlaced', subject, status: 'new', reasons: [] }],
    })
    expect((await check('first')).data).toMatchObject([{ status: 'new' }])
    expect((await check('first', '--register')).code).toBe(0)
    expect((await check('first')).data).toMatchObject([{ status: 'unchanged', schemaId: expect.any(Number) }])
    expect(await check('compatible')).toMatchObject({ code: 0, data: [{ status: 'compatible' }] })
    const { code, data } = await check('accident', '--register')
    expect({ code, data }).toMatchObject({ code: 4, data: [{ status: 'incompatible' }] })
    expect(data[0].reasons.join()).toMatch(/STRING|total/)
    const table = await run('untold', ['schemas', 'check', '--registry'], { SCHEMA_REGISTRY_URL: url })
    expect(table).toMatchObject({
      code: 4,
      stdout: expect.stringMatching(/order\.OrderPlaced .*not-expressible .*\$\.total/),
    })
    expect(table.stderr).toContain('change the schema')
  }, 240_000)

  it('ends with 2 where there is no registry, no answer, or nothing said of the format', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`
    const away = await run('first', ['schemas', 'check', '--registry', nobody])
    expect(away).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('does not answer: ECONNREFUSED'),
    })
    expect((await run('first', ['schemas', 'check', '--registry'])).stderr).toContain('set SCHEMA_REGISTRY_URL')
    const formless = await runCli(['schemas', 'check', '--registry', url], { cwd })
    expect(formless).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("add `schemaRegistry: { format: 'avro' }`"),
    })
    const both = await run('first', ['schemas', 'check', '--registry', url, '--compatibility', 'full'])
    expect(both.code).toBe(2)
  })

  it.skipIf(!brokers)('lets start end where the schemas of its bridges are not registered', async () => {
    const env = { DATABASE_URL: database.url, KAFKA_BROKERS: brokers!, SCHEMA_REGISTRY_URL: url }
    const topic = `${namespace}-orders`
    const create = ['--create', '--topic', topic, '--partitions', '1', '--replication-factor', '1']
    await runKafkaTool(brokers!, 'org.apache.kafka.tools.TopicCommand', create)
    const options = { ...env, TEST_NAMESPACE: `${namespace}_other`, TEST_TOPIC: topic }
    const { code, stderr } = await run('first', ['start', '--only', 'bridge'], options)
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('--registry <url> --register') })
    const homeless = await run('first', ['start', '--only', 'bridge'], { ...env, SCHEMA_REGISTRY_URL: '' })
    expect(homeless).toMatchObject({ code: 2, stderr: expect.stringContaining('schemaRegistry has no address') })
  })
})
