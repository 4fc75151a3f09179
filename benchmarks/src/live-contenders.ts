import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { createProjector } from '@tidemark/projections'
import type pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { emptyReadModels } from './empty-read-models.js'
import { repeat, type Contender, type Run } from './harness.js'
import { atRate, rawNotify } from './latency-to-handler.js'
import { orderTotals } from './order-totals.js'
import { rebuildElsewhere } from './rebuild-contenders.js'
import { Order, orderPlaced } from './workload.js'

const callers = 32
const perSecondSchema = 'live_log'

/** From the call of an append to a row that readers see, at 200 events/s; the raw limit is a NOTIFY that carries the time. */
export function liveContenders(url: string, pool: pg.Pool): readonly Contender[] {
  return [
    { name: 'raw NOTIFY to listener', unit: 'events', run: (milliseconds) => rawNotify(url, milliseconds) },
    {
      name: 'append to row visible',
      unit: 'events',
      against: 'raw NOTIFY to listener',
      run: (milliseconds) => appendToRow(pool, milliseconds),
    },
  ]
}

async function appendToRow(pool: pg.Pool, milliseconds: number): Promise<Run> {
  await emptyReadModels(pool, perSecondSchema)
  await pool.query(`truncate ${perSecondSchema}.events`)
  const store = createEventStore(pool, { schema: perSecondSchema, listen: false })
  const projector = createProjector(store, [orderTotals])
  await projector.start()
  const latenciesMs: number[] = []
  const sent = await atRate(milliseconds, async () => {
    const start = performance.now()
    const { position } = await store.append(Order, uuidv7(), [orderPlaced(1)], { expectedVersion: 0 })
    const outcome = await projector.waitFor(orderTotals.name, position, { timeoutMs: 10_000 })
    if (outcome !== 'reached') throw new Error(`the projection is ${outcome}`)
    latenciesMs.push(performance.now() - start)
  })
  await projector.stop()
  await store.close()
  return { count: sent, seconds: milliseconds / 1000, latenciesMs }
}

/** Appends while a rebuild of the suite's log runs again and again, against appends alone. */
export function appendsWhileRebuilding(url: string, pool: pg.Pool): readonly Contender[] {
  const append = async (store: EventStore, milliseconds: number) => {
    await pool.query(`truncate ${perSecondSchema}.events`)
    return repeat(callers, milliseconds, async () => {
      await store.append(Order, uuidv7(), [orderPlaced(1)], { expectedVersion: 0 })
      return 1
    })
  }
  const alone = 'appends alone'
  return [
    {
      name: alone,
      unit: 'appends',
      run: async (milliseconds) => {
        const store = createEventStore(pool, { schema: perSecondSchema, listen: false })
        const run = await append(store, milliseconds)
        await store.close()
        return run
      },
    },
    {
      name: 'appends while a rebuild runs',
      unit: 'appends',
      against: alone,
      run: async (milliseconds) => {
        const store = createEventStore(pool, { schema: perSecondSchema, listen: false })
        const enough = new AbortController()
        const rebuilding = rebuildOver(url, enough.signal)
        const run = await append(store, milliseconds)
        enough.abort()
        await rebuilding
        await store.close()
        return run
      },
    },
  ]
}

/** In a process of its own, as it is done. */
async function rebuildOver(url: string, signal: AbortSignal): Promise<void> {
  try {
    for (;;) await rebuildElsewhere(url, [], signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** The log of what is measured live. */
export const liveSchema = perSecondSchema
