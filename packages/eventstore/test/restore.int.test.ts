import { databaseTemplate } from '@tidemark/migrations'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/test-servers'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync, chownSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  createEventStore,
  inTransaction,
  LogRestoredError,
  type EventStore,
  type SubscriptionBatch,
} from '../src/index.js'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-restore-'))
const [backup, archive] = [join(folder, 'data'), join(folder, 'archive')]
const servers: EmbeddedPostgres[] = []
const pools: pg.Pool[] = []
const stores: EventStore[] = []
beforeAll(() => {
  // The server is another user than the test.
  chmodSync(folder, 0o777)
  execFileSync('mkdir', ['-m', '777', archive])
})
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await Promise.all(pools.map((pool) => pool.end()))
  await Promise.all(servers.map((server) => server.close()))
  rmSync(folder, { recursive: true, force: true })
})
const open = (url: string) => {
  const pool = new pg.Pool({ connectionString: url })
  pool.on('error', () => undefined)
  pools.push(pool)
  const store = createEventStore(pool, { listen: false, pollIntervalMs: 50, retryForMs: 1000 })
  stores.push(store)
  return { pool, store }
}
const append = async (store: EventStore, count: number) => {
  const events = Array.from({ length: count }, () => ({ type: 'Happened', data: {} }))
  return (await store.appendToStream('log-1', events, { expectedVersion: 'any' })).position
}
const follow = ({ pool, store }: ReturnType<typeof open>, name: string, seen: bigint[] = []) => {
  const handle = async ({ events, to, checkpoint }: SubscriptionBatch) => {
    await inTransaction(pool, (client) => checkpoint.advance(client, to))
    seen.push(...events.map(({ version }) => version))
  }
  return store.subscribe({ name, handle })
}

/** The runbook's base backup, without pg_basebackup: the files are copied while the server runs and is written to. */
async function takeBaseBackup({ dataDir, url }: EmbeddedPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`select pg_backup_start('base', true)`)
  execFileSync('cp', ['-a', dataDir, backup])
  const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
  writeFileSync(join(backup, 'backup_label'), rows[0]!.labelfile)
  for (const file of ['postmaster.pid', 'postmaster.opts']) rmSync(join(backup, file), { force: true })
  for (const file of readdirSync(join(backup, 'pg_wal'))) {
    if (/^[0-9A-F]{24}/.test(file)) rmSync(join(backup, 'pg_wal', file))
  }
  await client.end()
}

async function archiveTheRest(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ file: string }>('select pg_walfile_name(pg_switch_wal()) as file')
  await vi.waitFor(() => expect(existsSync(join(archive, rows[0]!.file))).toBe(true), { timeout: 30_000 })
}

async function restore(target: string): Promise<EmbeddedPostgres> {
  const { uid, gid } = statSync(backup)
  for (const file of ['recovery.signal', 'backup_label']) {
    if (!existsSync(join(backup, file))) writeFileSync(join(backup, file), '')
    chownSync(join(backup, file), uid, gid)
  }
  const settings = {
    restore_command: `cp ${archive}/%f %p`,
    recovery_target_name: target,
    recovery_target_action: 'promote',
  }
  const server = await startEmbeddedPostgres({ dataDir: backup, settings })
  servers.push(server)
  return server
}

test('a restore to an earlier point: what was seen of the lost log stops, a new epoch goes on', async () => {
  const primary = await startEmbeddedPostgres({
    settings: { archive_mode: 'on', archive_command: `cp %p ${archive}/%f`, wal_level: 'replica' },
  })
  servers.push(primary)
  await databaseTemplate.prepare(primary.url)
  const before = open(primary.url)
  await append(before.store, 3)
  await takeBaseBackup(primary)

  // Appends go on during and after the backup; then comes what must be taken back.
  await append(before.store, 3)
  await before.pool.query(`select pg_create_restore_point('before_the_mistake')`)
  const lost = await append(before.store, 4)
  const bridge = follow(before, 'bridge:orders')
  const model = follow(before, 'projection:orders')
  await vi.waitFor(async () => {
    const { rows } = await before.pool.query('select position from tidemark.checkpoints')
    expect(rows).toEqual([{ position: String(lost) }, { position: String(lost) }])
  })
  await Promise.all([bridge.stop(), model.stop()])
  await before.store.verifyEpoch()
  const { rows: kept } = await before.pool.query<{ name: string; event_id: string; epoch: string }>(
    `select name, event_id, epoch from tidemark.checkpoints where name = 'bridge:orders'`,
  )
  await archiveTheRest(before.pool)
  await primary.stop()

  const server = await restore('before_the_mistake')
  const after = open(server.url)
  await vi.waitFor(async () => {
    expect((await after.pool.query('select pg_is_in_recovery() as r')).rows).toEqual([{ r: false }])
  })
  expect((await after.store.readStream('log-1')).map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n, 5n, 6n])

  // The bridge's checkpoint was saved, so that Kafka is not sent everything again. It is ahead of this log.
  await after.pool.query('insert into tidemark.checkpoints (name, position, event_id, epoch) values ($1, $2, $3, $4)', [
    kept[0]!.name,
    lost,
    kept[0]!.event_id,
    kept[0]!.epoch,
  ])
  const stopped = follow(after, 'bridge:orders')
  await vi.waitFor(() => expect(stopped.state).toBe('failed'))
  expect(stopped.lastError).toBeInstanceOf(LogRestoredError)
  expect(stopped.lastError).toMatchObject({ checkpoints: [{ name: 'bridge:orders', position: lost }] })
  const other = follow(after, 'projection:orders')
  await vi.waitFor(() => expect(other.state).toBe('failed'))

  // What is appended before somebody decided must not be lost on the bridge: it goes back to the last position of the restored log.
  const [last] = await after.store.readStream('log-1', { direction: 'backwards', limit: 1 })
  await append(after.store, 1)
  const { epoch, rewound } = await after.store.newEpoch({ reason: 'a drill', rewindTo: last!.position })
  expect(epoch).not.toBe(kept[0]!.epoch)
  expect(rewound).toMatchObject([{ name: 'bridge:orders', position: lost, to: last!.position }])
  const seen: bigint[] = []
  follow(after, 'bridge:orders', seen)
  await append(after.store, 2)
  await vi.waitFor(() => expect(seen).toEqual([7n, 8n, 9n]))
})

test('a copy whose sequence was left behind, as logical replication makes it, is refused before it takes a position twice', async () => {
  const { store, pool } = open(servers.at(-1)!.url)
  const { lastPosition } = await store.head()
  await pool.query(`select setval('tidemark.events_position_seq', 2)`)
  await expect(store.verifyEpoch()).rejects.toMatchObject({ code: 'EVENTSTORE_STORE_CORRUPT' })
  await pool.query('select setval($1, $2)', ['tidemark.events_position_seq', String(lastPosition)])
  await store.verifyEpoch()
})
