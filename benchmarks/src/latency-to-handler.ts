import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Contender, Run } from './harness.js'
import { Order, orderPlaced } from './workload.js'

const perSecond = 200

/** From the call of an append to the call of a subscriber's handler, at 200 events/s; the raw limit is a NOTIFY that carries the time. */
export function latenciesToHandler(url: string): Contender[] {
  return [
    { name: 'raw NOTIFY to listener', unit: 'events', run: (milliseconds) => rawNotify(url, milliseconds) },
    {
      name: 'append to handler, same process',
      unit: 'events',
      against: 'raw NOTIFY to listener',
      run: (milliseconds) => appendToHandler(url, milliseconds),
    },
    {
      name: 'append to handler, another process',
      unit: 'events',
      against: 'raw NOTIFY to listener',
      run: (milliseconds) => appendToAnotherProcess(url, milliseconds),
    },
  ]
}

/** A NOTIFY that carries the time at which it was sent. */
export async function rawNotify(url: string, milliseconds: number): Promise<Run> {
  const [sender, listener] = [new pg.Client(url), new pg.Client(url)]
  await Promise.all([sender.connect(), listener.connect()])
  const latenciesMs: number[] = []
  listener.on('notification', ({ payload }) => latenciesMs.push(performance.now() - Number(payload)))
  await listener.query('listen bench_latency')
  const sent = await atRate(milliseconds, () =>
    sender.query(`select pg_notify('bench_latency', $1)`, [String(performance.now())]),
  )
  await until(() => latenciesMs.length >= sent)
  await Promise.all([sender.end(), listener.end()])
  return { count: sent, seconds: milliseconds / 1000, latenciesMs }
}

async function appendToHandler(url: string, milliseconds: number): Promise<Run> {
  const pool = new pg.Pool({ connectionString: url, max: 6 })
  const store = createEventStore(pool, { listen: false })
  const begun = new Map<string, number>()
  const latenciesMs: number[] = []
  let caughtUp = false
  const { position } = await store.head()
  const subscription = store.subscribe({
    name: `bench-${randomUUID()}`,
    batchSize: 5000,
    handle: async ({ events, to, checkpoint }) => {
      const now = performance.now()
      for (const { id } of events) {
        const start = begun.get(id)
        if (start !== undefined) latenciesMs.push(now - start)
      }
      await checkpoint.advance(pool, to)
      if (to.position >= position) caughtUp = true
    },
  })
  await until(() => caughtUp)
  const sent = await appendAtRate(store, milliseconds, (id) => begun.set(id, performance.now()))
  await until(() => latenciesMs.length >= sent)
  await subscription.stop()
  await store.close()
  await pool.end()
  return { count: sent, seconds: milliseconds / 1000, latenciesMs }
}

const subscriber = fileURLToPath(new URL('programs/report-arrivals.js', import.meta.url))

/** The subscriber is a program of its own, which prints when each event arrived; both read the machine's monotonic clock. */
async function appendToAnotherProcess(url: string, milliseconds: number): Promise<Run> {
  const child = spawn(process.execPath, [subscriber, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const pool = new pg.Pool({ connectionString: url, max: 6 })
  const store = createEventStore(pool)
  try {
    const arrivedAt = new Map<string, bigint>()
    let ready = false
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'ready') ready = true
      const [id, time] = line.split(' ')
      if (id !== undefined && time !== undefined) arrivedAt.set(id, BigInt(time))
    })
    await until(() => ready)
    const begun = new Map<string, bigint>()
    const sent = await appendAtRate(store, milliseconds, (id) => begun.set(id, process.hrtime.bigint()))
    await until(() => arrivedAt.size >= sent)
    const latenciesMs = [...begun].map(([id, start]) => Number((arrivedAt.get(id) ?? start) - start) / 1e6)
    return { count: sent, seconds: milliseconds / 1000, latenciesMs }
  } finally {
    child.kill()
    await ended
    await store.close()
    await pool.end()
  }
}

function appendAtRate(store: EventStore, milliseconds: number, onBegin: (id: string) => void): Promise<number> {
  return atRate(milliseconds, () => {
    const id = randomUUID()
    onBegin(id)
    return store.append(Order, id, [{ ...orderPlaced(1), id }], { expectedVersion: 0 })
  })
}

/** Sends at the rate of these benchmarks; returns how often. */
export async function atRate(milliseconds: number, send: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  const sending: Promise<unknown>[] = []
  while (performance.now() - start < milliseconds) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
    while (sending.length < due) sending.push(send())
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(sending)
  return sending.length
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('the events did not arrive within a minute')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
