import { createEventStore } from '@tidemark/eventstore'
import { randomUUID } from 'node:crypto'
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
      run: (milliseconds) => appendToHandler(url, milliseconds, 'same'),
    },
    {
      name: 'append to handler, another store',
      unit: 'events',
      against: 'raw NOTIFY to listener',
      run: (milliseconds) => appendToHandler(url, milliseconds, 'another'),
    },
  ]
}

async function rawNotify(url: string, milliseconds: number): Promise<Run> {
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

async function appendToHandler(url: string, milliseconds: number, process: 'same' | 'another'): Promise<Run> {
  const pool = new pg.Pool({ connectionString: url, max: 6 })
  const writer = createEventStore(pool, { listen: false })
  const reader = process === 'same' ? writer : createEventStore(pool)
  const begun = new Map<string, number>()
  const latenciesMs: number[] = []
  let caughtUp = false
  const { position } = await writer.head()
  const subscription = reader.subscribe({
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
  const sent = await atRate(milliseconds, () => {
    const id = randomUUID()
    begun.set(id, performance.now())
    return writer.append(Order, id, [{ ...orderPlaced(1), id }], { expectedVersion: 0 })
  })
  await until(() => latenciesMs.length >= sent)
  await subscription.stop()
  if (reader !== writer) await reader.close()
  await writer.close()
  await pool.end()
  return { count: sent, seconds: milliseconds / 1000, latenciesMs }
}

async function atRate(milliseconds: number, send: () => Promise<unknown>): Promise<number> {
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
