import { migrate } from '@tidemark/migrations'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tidemark/test-servers'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEventStore, type EventStore } from '../src/index.js'

// A small disk in memory, that a process mounts in a namespace of its own, for which nobody needs a privilege; Postgres gets at it
// through that process. The write-ahead log is elsewhere and has room.
const canMount = spawnSync('unshare', ['-Urm', 'true']).status === 0

describe.runIf(canMount)('a full disk', () => {
  let server: EmbeddedPostgres
  let pool: pg.Pool
  let store: EventStore
  let disk: ChildProcess
  let folder: string
  let place: string
  beforeAll(async () => {
    server = await startEmbeddedPostgres()
    await migrate(server.directUrl)
    pool = new pg.Pool({ connectionString: server.directUrl, max: 2 })
    store = createEventStore(pool, { listen: false, retryForMs: 500 })
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
    const { uid, gid } = statSync(`/proc/${rows[0]!.pid}`)
    folder = mkdtempSync(join(tmpdir(), 'tidemark-disk-'))
    chownSync(folder, uid, gid)
    const mount = `mount -t tmpfs -o size=4m,mode=700 tmpfs ${folder} && mkdir ${folder}/data && head -c 2000000 /dev/zero > ${folder}/ballast && echo mounted && exec sleep 600`
    disk = spawn('unshare', ['-Urm', 'sh', '-c', mount], { uid, gid, stdio: ['ignore', 'pipe', 'inherit'] })
    await once(disk.stdout!, 'data')
    place = `/proc/${disk.pid}/root${folder}`
    await pool.query(`create tablespace small location '${place}/data'`)
    await pool.query('alter table tidemark.events set tablespace small')
  })
  afterAll(async () => {
    await store.close()
    await pool.end()
    await server.close()
    disk.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  })

  test('53100 is told as one that may pass, and it does once there is room again', async () => {
    const data = { text: 'x'.repeat(1500) }
    const append = () => store.appendToStream('full-1', [{ type: 'Happened', data }], { expectedVersion: 'any' })
    let stored = 0
    let failure: unknown
    while (failure === undefined && stored < 10_000) {
      await append().then(
        () => stored++,
        (error: unknown) => (failure = error),
      )
    }
    const full = { code: 'EVENTSTORE_DATABASE', sqlState: '53100', kind: 'out-of-resources', retryable: true }
    expect(failure).toMatchObject(full)
    const grouped = await Promise.allSettled(Array.from({ length: 20 }, append))
    for (const outcome of grouped) if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(full)
    expect(grouped.some(({ status }) => status === 'rejected')).toBe(true)
    stored += grouped.filter(({ status }) => status === 'fulfilled').length
    expect(await store.readStream('full-1', { limit: 20_000 })).toHaveLength(stored)
    rmSync(join(place, 'ballast'))
    expect(await append()).toMatchObject({ version: BigInt(stored + 1), duplicate: false })
  })
})
