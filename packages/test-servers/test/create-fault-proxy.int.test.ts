import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFaultProxy, createTestDatabase, type FaultProxy, type TestDatabase } from '../src/index.js'

const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket))
let database: TestDatabase
let proxy: FaultProxy
const clients: Socket[] = []

beforeAll(async () => {
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  database = await createTestDatabase()
})
beforeEach(async () => {
  proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: (echo.address() as AddressInfo).port } })
})
afterEach(async () => {
  clients.splice(0).forEach((client) => client.destroy())
  await proxy.close()
})
afterAll(async () => {
  echo.close()
  await database.drop()
})

async function open(): Promise<Socket> {
  const client = connect({ host: proxy.host, port: proxy.port })
  clients.push(client.on('error', () => undefined))
  // A refused connection may be reset before it is seen to be open.
  await Promise.race([new Promise((resolve) => client.once('connect', resolve)), closed(client)])
  return client
}

async function roundTrip(client: Socket, text: string): Promise<string> {
  client.write(text)
  let answer = ''
  while (answer.length < text.length) answer += String((await once(client, 'data'))[0])
  return answer
}

const closed = (client: Socket) => (client.destroyed ? Promise.resolve() : new Promise((r) => client.once('close', r)))

/** The proxy before Postgres, and a connected client. */
async function throughPostgres(): Promise<pg.Client> {
  await proxy.close()
  const { hostname, port } = new URL(database.directUrl)
  proxy = await createFaultProxy({ target: { host: hostname, port: Number(port) } })
  const url = new URL(database.directUrl)
  url.host = `${proxy.host}:${proxy.port}`
  const client = new pg.Client({ connectionString: url.href })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

test('passes a megabyte on unchanged, and the end of the stream after it', async () => {
  const client = await open()
  const sent = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31) % 256))
  const received: Buffer[] = []
  client.on('data', (chunk: Buffer) => received.push(chunk))
  client.end(sent)
  await closed(client)
  expect(Buffer.concat(received).equals(sent)).toBe(true)
})

test('latency delays both directions and keeps order', async () => {
  const client = await open()
  proxy.setFaults({ latencyMs: 100 })
  const start = performance.now()
  expect(await roundTrip(client, 'abc')).toBe('abc')
  expect(performance.now() - start).toBeGreaterThan(190)
  proxy.setFaults({})
  const healed = performance.now()
  await roundTrip(client, 'def')
  expect(performance.now() - healed).toBeLessThan(90)
})

test('throttle limits throughput', async () => {
  const client = await open()
  proxy.setFaults({ bytesPerSecond: 20_000 })
  const start = performance.now()
  await roundTrip(client, 'x'.repeat(8000))
  // 0.4 s on the way up; the way down overlaps only by whole chunks.
  expect(performance.now() - start).toBeGreaterThan(390)
})

test('cutAll resets what is open and accepts what comes', async () => {
  const client = await open()
  await roundTrip(client, 'a')
  const reset = closed(client)
  proxy.cutAll()
  await reset
  expect(await roundTrip(await open(), 'b')).toBe('b')
})

test('refuse resets newcomers and leaves the open ones alone', async () => {
  const early = await open()
  await roundTrip(early, 'a')
  proxy.refuse()
  await closed(await open())
  expect(proxy.connections).toHaveLength(1)
  expect(await roundTrip(early, 'b')).toBe('b')
  proxy.heal()
  expect(await roundTrip(await open(), 'c')).toBe('c')
})

test('a black hole swallows everything and closes nothing', async () => {
  const client = await open()
  await roundTrip(client, 'a')
  proxy.blackHoleAll()
  const events: string[] = []
  for (const event of ['data', 'end', 'close']) client.on(event, () => events.push(event))
  client.write('b')
  const late = await open()
  late.on('data', () => events.push('late data'))
  late.write('c')
  await sleep(200)
  expect(events).toEqual([])
  proxy.heal()
  expect(await roundTrip(await open(), 'd')).toBe('d')
})

test('a rule sees a pattern that arrives in two pieces, and acts once', async () => {
  proxy.dropWhen({ direction: 'up', when: 'poison' })
  const client = await open()
  await roundTrip(client, 'poi')
  const reset = closed(client)
  client.write('son')
  await reset
  expect(await roundTrip(await open(), 'poison')).toBe('poison')
})

test('a rule lets matches pass first, counts its own, and can be removed', async () => {
  const remove = proxy.dropWhen({ direction: 'down', when: '!', after: 2, times: 2 })
  for (let i = 0; i < 2; i++) {
    const client = await open()
    if (i === 0) for (const text of ['1!', '2!']) expect(await roundTrip(client, text)).toBe(text)
    const reset = closed(client)
    client.write('3!')
    await reset
  }
  expect(await roundTrip(await open(), '!')).toBe('!')
  remove()
  proxy.dropWhen({ direction: 'down', when: '!' })()
  expect(await roundTrip(await open(), '!')).toBe('!')
})

test('the reply to COMMIT is lost while the commit happened', async () => {
  const client = await throughPostgres()
  await client.query('create table committed (n int)')
  proxy.dropWhen({ direction: 'down', when: 'COMMIT\0' })
  await client.query('begin')
  await client.query('insert into committed values (1)')
  await expect(client.query('commit')).rejects.toThrow()
  const pool = database.createPool()
  expect((await pool.query('select n from committed')).rows).toEqual([{ n: 1 }])
})

test('a predicate sees the connection, the direction and the new bytes', async () => {
  const seen: { connectionId: number; direction: string; newBytes: number }[] = []
  proxy.dropWhen({
    direction: 'down',
    then: 'black-hole',
    when: ({ connectionId, direction, newBytes, bytes }) => {
      seen.push({ connectionId, direction, newBytes })
      return bytes.includes('stop')
    },
  })
  const client = await open()
  await roundTrip(client, 'go')
  client.write('stop')
  const silence = await Promise.race([once(client, 'data'), closed(client), sleep(200, 'silence')])
  expect(silence).toBe('silence')
  expect(seen[0]).toEqual({ connectionId: 1, direction: 'down', newBytes: 2 })
})

test('one connection can be cut by its hook while another goes on', async () => {
  const first = await open()
  await roundTrip(first, 'a')
  const second = await open()
  await roundTrip(second, 'a')
  const reset = closed(first)
  proxy.connections.find(({ id }) => id === 1)!.cut()
  await reset
  expect(await roundTrip(second, 'b')).toBe('b')
  expect(proxy.connections.map(({ id }) => id)).toEqual([2])
})

test('a target that does not listen resets the client', async () => {
  await proxy.close()
  proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: 1 } })
  await closed(await open())
})
