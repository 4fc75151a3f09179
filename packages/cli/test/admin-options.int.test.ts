import { createEventStore, defineAggregate, event, silentLogger, type EventStore } from '@tidemark/eventstore'
import { databaseTemplate } from '@tidemark/migrations'
import { createTestDatabase } from '@tidemark/test-servers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { resolveSettings } from '../src/config/resolve-settings.js'
import type { TidemarkConfig } from '../src/define-config.js'
import { adminOptionsOf } from '../src/runtime/admin-options.js'

const canary = 'no row for ada@example.org'

const personal = { subject: () => 'c-1', fields: { email: '' } }
const aggregateWith = (isPersonal: boolean) =>
  defineAggregate({
    name: 'customer',
    initialState: () => ({}),
    events: { Registered: event(z.object({ email: z.string() }), isPersonal ? { personal } : {}) },
    evolve: { Registered: (state) => state },
    commands: () => ({}),
  })

describe('the doctor of a server', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>
  let pool: ReturnType<typeof database.createPool>
  let store: EventStore
  const logged: string[] = []
  beforeAll(async () => {
    database = await createTestDatabase({ template: databaseTemplate })
    pool = database.createPool({ max: 2 })
    store = createEventStore(pool, { listen: false })
    const failing = `insert into tidemark.checkpoints (name, position, error) values ('projection:rows', 0, $1)`
    await pool.query(failing, [canary])
  })
  afterAll(async () => {
    await store.close()
    await pool.end()
    await database.drop()
  })

  const findings = async (isPersonal: boolean) => {
    const config: TidemarkConfig = { aggregates: [aggregateWith(isPersonal)] }
    const settings = resolveSettings({ config, path: '', folder: '/' }, { DATABASE_URL: database.url })
    const warn = (fields: object) => void logged.push(String((fields as { err: unknown }).err))
    const logger = { ...silentLogger, warn }
    return (await adminOptionsOf(config, settings, { store, logger }).doctor()).filter(({ level }) => level !== 'ok')
  }

  it('tells what projections met, but not where that may name a person', async () => {
    expect(await findings(false)).toMatchObject([
      { check: 'checkpoints', level: 'error', message: `"projection:rows" does not get on: ${canary}` },
    ])
    expect(await findings(true)).toMatchObject([
      { check: 'checkpoints', message: '"projection:rows" does not get on', remedy: expect.stringContaining('list') },
    ])
  })

  it('leaves to the log what the database says of a check that cannot be made', async () => {
    await pool.query('alter table tidemark.snapshots rename to hidden')
    const [, failed] = await findings(false)
    expect(failed).toMatchObject({ check: 'snapshots', level: 'error' })
    expect(failed?.message).toBe('could not be looked at: the log of the server tells why (42P01)')
    expect(logged.join()).toContain('snapshots')
  })
})
