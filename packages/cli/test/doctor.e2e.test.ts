import { databaseTemplate, latestMigration } from '@tidemark/migrations'
import { createTestDatabase, freePort } from '@tidemark/test-servers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, startCli } from './run-cli.js'

interface Finding {
  check: string
  level: string
  message: string
  remedy?: string
}

let database: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => void (database = await createTestDatabase({ template: databaseTemplate })))
afterAll(() => database.drop())

async function doctor(env: Readonly<Record<string, string>> = {}) {
  const { code, stdout } = await runCli(['doctor', '-o', 'json'], { env: { DATABASE_URL: database.directUrl, ...env } })
  const { healthy, findings } = JSON.parse(stdout).data as { healthy: boolean; findings: Finding[] }
  return { code, healthy, wrong: findings.filter(({ level }) => level !== 'ok'), findings }
}

describe('the doctor', () => {
  it('names what is wrong, by whom, and what to do', async () => {
    const pool = database.createPool({ max: 2 })
    const appender = await pool.connect()
    try {
      const insert = `insert into tidemark.events (version, id, schema_version, stream_id, type, data, metadata) values ($1, gen_random_uuid(), 1, 'counter-1', 'Added', '{"amount": 1}', '{}')`
      await appender.query(insert, [1])
      await appender.query(
        `insert into tidemark.checkpoints (name, position, event_id, owner, lease_until) values ('strange', 1, gen_random_uuid(), 'somebody', now() - interval '1 minute')`,
      )
      await appender.query(`insert into tidemark.checkpoints (name, position, error) values ('failing', 0, 'no luck')`)
      await appender.query('alter table tidemark.events set (autovacuum_enabled = false)')
      await appender.query('begin')
      await appender.query(insert, [2])
      const { rows } = await appender.query<{ pid: number }>('select pg_backend_pid() pid')
      const { code, healthy, wrong } = await doctor({ KAFKA_BROKERS: `127.0.0.1:${await freePort()}` })
      expect({ code, healthy }).toEqual({ code: 3, healthy: false })
      expect(wrong.map(({ check, level }) => `${check} ${level}`).sort()).toEqual([
        'autovacuum error',
        'checkpoints error',
        'checkpoints error',
        'head warning',
        'kafka error',
        'leases warning',
      ])
      const remedies = wrong.map(({ remedy }) => remedy)
      expect(remedies).toContain(`let it commit, or end it: select pg_terminate_backend(${rows[0]?.pid})`)
      expect(remedies).toContain('alter table tidemark.events reset (autovacuum_enabled)')
      expect(
        wrong.find(({ message }) => message.includes('"strange" at position 1 does not fit the log'))?.remedy,
      ).toContain('tidemark db new-epoch')
      expect(wrong.find(({ message }) => message.includes('"failing" does not get on: no luck'))).toBeDefined()
    } finally {
      await appender.query('rollback')
      appender.release()
      await pool.query('delete from tidemark.checkpoints')
      await pool.query('alter table tidemark.events reset (autovacuum_enabled)')
      await pool.end()
    }
  })

  it('is content with what is well, and watches it', async () => {
    const env = { DATABASE_URL: database.directUrl }
    const watching = startCli(['doctor', '--watch', '--interval', '0', '-o', 'ndjson'], { env })
    const { code, healthy, wrong } = await doctor()
    expect({ code, healthy, wrong: wrong.map(({ check }) => check) }).toEqual({
      code: 0,
      healthy: true,
      wrong: ['kafka'],
    })
    await watching.until(/"healthy":true/)
    const pool = database.createPool({ max: 1 })
    await pool.query('delete from tidemark.migrations where id = $1', [latestMigration])
    await watching.until(/"healthy":false/)
    await pool.end()
    watching.child.kill('SIGINT')
    const { code: ended, stdout, stderr } = await watching.ended
    expect({ ended, stderr, lines: stdout.trim().split('\n').length }).toEqual({ ended: 130, stderr: '', lines: 2 })
    expect(stdout).toContain('`tidemark db migrate`')
  })
})
