import { createEventStore } from '@tidemark/eventstore'
import pg from 'pg'
import type { Experiment, ExperimentContext } from '../experiment.js'
import { deadline, pause } from '../workload/pause.js'
import { runRawWriter } from '../workload/raw-writer.js'
import { lastPosition, recordLog } from '../workload/record-log.js'
import { runStoreWriter } from '../workload/store-writer.js'
import { stretchWindows } from '../workload/stretch-windows.js'
import { runTightReader } from '../workload/tight-reader.js'

/** How long the writers run, and how many of each kind. */
const sizes = {
  short: { durationMs: 20_000, rawWriters: 12, storeWriters: 4 },
  full: { durationMs: 60_000, rawWriters: 24, storeWriters: 8 },
  hunt: { durationMs: 5_000, rawWriters: 10, storeWriters: 4 },
} as const

/**
 * Writers that keep their transactions open for random times, and readers right behind the head: whatever is committed must be seen,
 * in order, once.
 */
export const gapHunter: Experiment = {
  name: 'gap-hunter',
  group: 'store',
  summary: 'transactions stay open for 0 to 500 ms before they commit; readers follow the head and may skip nothing',
  checks: ['I1', 'I2', 'I3', 'I4', 'I5', 'I9', 'I10', 'I12'],

  async run(context) {
    const { size, random, database, history, mutant, signal } = context
    const { durationMs, rawWriters, storeWriters } = sizes[size]
    const pool = database.createPool({ max: 8 })
    // Half of the time with the timing as it is, half of it with every window held open; a hunt has time for the latter only.
    if (size === 'hunt') await stretchWindows(pool, 4)
    const ends = deadline(durationMs, signal)
    const common = { history, longestPauseMs: 500, signal: ends }
    const stretching = size === 'hunt' ? undefined : pause(durationMs / 2, ends).then(() => stretchWindows(pool, 4))

    const writerStore = createEventStore(pool, { listen: false })
    const readerPools = [7, 1000].map((limit) => ({ limit, pool: database.createPool({ max: 2 }) }))
    const readerStores = readerPools.map((reader) => ({
      ...reader,
      store: createEventStore(reader.pool, { listen: false }),
    }))

    const written = Promise.all([
      ...Array.from({ length: rawWriters }, (_, n) =>
        runRawWriter({ ...common, caller: `raw${n}`, database, random: random.fork() }),
      ),
      ...Array.from({ length: storeWriters }, (_, n) =>
        runStoreWriter({ ...common, caller: `store${n}`, store: writerStore, random: random.fork() }),
      ),
    ])
    const finished = new AbortController()
    const last = async () => {
      await written
      return lastPosition(pool)
    }
    const readers = readerStores.map(({ limit, pool: readerPool, store }) => {
      const log = mutant?.logReader?.(readerPool) ?? store.log
      const subscriber = `reader of ${limit}`
      return runTightReader({ subscriber, log, history, limit, signal: finished.signal, last })
    })
    const reading = readStreams(context, ends)
    await Promise.all([
      written.finally(() => {
        history.add({ kind: 'healed', atMs: history.now() })
        finished.abort()
      }),
      stretching,
      reading,
      ...readers,
    ])
    await recordLog(pool, history)
    await Promise.all([writerStore, ...readerStores.map(({ store }) => store)].map((store) => store.close()))
  },
}

/** Reads whole streams while they are written: no read may end in the middle of an append. */
async function readStreams({ database, history, random }: ExperimentContext, signal: AbortSignal): Promise<void> {
  const choices = random.fork()
  const pool = new pg.Pool({ connectionString: database.directUrl, max: 1 })
  const store = createEventStore(pool, { listen: false })
  while (!signal.aborted) {
    const streamId = `${choices.pick(['raw-raw', 'store-store', 'left-store'])}${choices.integer(0, 3)}`
    const events = await store.readStream(streamId, { limit: 100_000 })
    const ids = events.slice(-100).map(({ id }) => id)
    history.add({ kind: 'stream-read', atMs: history.now(), streamId, ids })
    await pause(100, signal)
  }
  await store.close()
  await pool.end()
}
