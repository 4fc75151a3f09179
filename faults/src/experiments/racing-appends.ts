import { createEventStore, EventStoreError, VersionConflictError } from '@tidemark/eventstore'
import type { Experiment } from '../experiment.js'
import { eventMaker } from '../workload/new-events.js'
import { recordedAppend } from '../workload/recorded-append.js'
import { recordLog } from '../workload/record-log.js'

const rounds = { short: 6, full: 50, hunt: 2 } as const
const callers = 1000
const stores = 5
const withinMs = 10_000

/** A thousand callers on several pools decide on one version: one wins, and all others learn why they lost. */
export const racingAppends: Experiment = {
  name: 'racing-appends',
  group: 'store',
  summary: '1,000 appends at once expect one version: 1 wins, 999 get a typed conflict, within 10 s',
  checks: ['I1', 'I2', 'I3', 'I9', 'I10', 'requirements'],

  async run({ size, random, database, history, signal }) {
    const pools = Array.from({ length: stores }, () => database.createPool({ max: 4 }))
    const opened = pools.map((pool) => ({ pool, store: createEventStore(pool, { listen: false }) }))
    const [first] = opened
    if (!first) return
    const make = eventMaker('racer')
    for (let round = 0; round < rounds[size] && !signal.aborted; round++) {
      const streamId = `race-${round}`
      // Every second race is for a stream that has events already.
      const length = round % 2 === 0 ? 0 : random.integer(1, 5)
      if (length > 0) {
        const events = make(length)
        const intent = { caller: 'starter', streamId, expectedVersion: 'no-stream', events }
        await recordedAppend(history, intent, () =>
          first.store.appendToStream(streamId, events, { expectedVersion: 'no-stream' }),
        )
      }
      const startedMs = history.now()
      const outcomes = await Promise.all(
        Array.from({ length: callers }, async (_, n) => {
          const events = make(n % 10 === 0 ? 3 : 1)
          const { store } = opened[n % stores] ?? first
          const intent = { caller: `caller ${n}`, streamId, expectedVersion: String(length), events }
          return recordedAppend(history, intent, () =>
            store.appendToStream(streamId, events, { expectedVersion: length }),
          )
        }),
      )
      const tookMs = Math.round(history.now() - startedMs)
      const won = outcomes.filter((outcome) => !(outcome instanceof EventStoreError)).length
      const conflicts = outcomes.filter((outcome) => outcome instanceof VersionConflictError).length
      history.add({
        kind: 'requirement',
        name: `outcomes of race ${round}`,
        expected: '1 win, 999 conflicts',
        actual: `${won} wins, ${conflicts} conflicts`,
        met: won === 1 && conflicts === callers - 1,
      })
      history.add({
        kind: 'requirement',
        name: `time of race ${round}`,
        expected: `at most ${withinMs} ms`,
        actual: `${tookMs} ms`,
        met: tookMs <= withinMs,
      })
    }
    await recordLog(first.pool, history)
    await Promise.all(opened.map(({ store }) => store.close()))
  },
}
