import { createEventStore, EventStoreError, inTransaction, VersionConflictError } from '@tidemark/eventstore'
import type { Experiment } from '../experiment.js'
import { recordLog } from '../workload/record-log.js'

const rounds = { short: 1000, full: 10_000, hunt: 100 } as const
const atOnce = 8

/** Two appends each check the stream that the other appends to: if both got through, each would have decided on what is no longer so. */
export const writeSkew: Experiment = {
  name: 'write-skew',
  group: 'store',
  summary: '1,000 pairs of appends check the stream that the other one appends to: never do both succeed',
  checks: ['I3', 'requirements'],

  async run({ size, random, database, history, signal }) {
    const stores = [0, 1].map(() => createEventStore(database.createPool({ max: 2 * atOnce }), { listen: false }))
    const event = { type: 'Booked', data: {} } as const
    let both = 0
    let neither = 0
    let strange = 0
    const book = async (round: number, side: 0 | 1, own: boolean) => {
      const store = stores[side]
      if (!store) return false
      const parts = [
        { streamId: `room${side}-${round}`, expectedVersion: 'no-stream', events: [event] },
        { streamId: `room${1 - side}-${round}`, expectedVersion: 'no-stream', events: [] },
      ] as const
      try {
        if (own) await inTransaction(store.pool, (transaction) => store.appendToStreams(parts, { transaction }))
        else await store.appendToStreams(parts)
        return true
      } catch (error) {
        if (!(error instanceof EventStoreError)) throw error
        // In a transaction of the caller's, to deadlock is for the caller to retry.
        if (!(error instanceof VersionConflictError) && !own) strange++
        return false
      }
    }
    const total = rounds[size]
    let next = 0
    const play = async () => {
      while (next < total && !signal.aborted) {
        const round = next++
        const own = random.integer(0, 2) === 0
        const [first, second] = await Promise.all([book(round, 0, own), book(round, 1, own)])
        if (first && second) both++
        if (!first && !second) neither++
      }
    }
    await Promise.all(Array.from({ length: atOnce }, play))
    const require = (name: string, expected: string, actual: number, met: boolean) =>
      history.add({ kind: 'requirement', name, expected, actual: String(actual), met })
    require('pairs that both succeeded', '0', both, both === 0)
    require('pairs of which neither did', `at most a third of ${next}`, neither, neither <= next / 3)
    require('appends that failed otherwise than by a conflict', '0', strange, strange === 0)
    const [first] = stores
    if (first) await recordLog(first.pool, history)
    await Promise.all(stores.map((store) => store.close()))
  },
}
