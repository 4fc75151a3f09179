import type { Experiment, ExperimentContext } from '../experiment.js'
import { runBridge, type BridgeRun } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { kafkaOf } from '../workload/kafka-servers.js'
import { eventMaker } from '../workload/new-events.js'
import { pause } from '../workload/pause.js'
import { recordedAppend } from '../workload/recorded-append.js'

const durations = { short: 4000, full: 60_000, hunt: 2000 } as const
const batchSize = 20
const limits = { low: 8192, high: 1_048_576 } as const
const largeBytes = 2 * limits.low

/** Where events of the first batches are too large: first, in the middle and last in a batch, and again and again on one key. */
const largeAt = new Map([
  [1, 'big-first'],
  [30, 'big-middle'],
  [40, 'big-last'],
  [10, 'hot-key'],
  [45, 'hot-key'],
])

/** Events that are larger than a topic takes, in every place of a batch, while processes die and take over. */
export const oversizedEvents: Experiment = {
  name: 'oversized-events',
  group: 'bridge',
  summary: 'events too large for the topic park with the later ones of their key, through kills, and follow in order',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12', 'requirements'],
  needs: 'kafka',

  async run(context) {
    const { size, signal } = context
    const options = { batchSize, leaseMs: 500, maxMessageBytes: limits.low }
    await runBridge(context, { kafka: kafkaOf(context), options }, async (run) => {
      const writer = new LargeWriter(context, run)
      for (let position = 1; position <= 3 * batchSize; position++) {
        const large = largeAt.get(position)
        await writer.append(large ?? (position % 5 === 0 ? 'hot-key' : `plain-${position % 7}`), large !== undefined)
      }
      // Whoever takes over has to learn which keys wait.
      for (const point of ['bridge.before-send', 'bridge.after-send']) await run.start({}, `${point}=kill@2`).outcome
      run.startLoad()
      const last = run.start()
      const until = performance.now() + durations[size]
      while (performance.now() < until && !signal.aborted) await writer.appendAnywhere(0.1)
      await run.demandProgress('kills')
      await demandParked(context, run)
      await last.dismiss()
      run.start({ maxMessageBytes: limits.high })
      const freed = retryUntilFree(context, run)
      while (!(await Promise.race([freed, pause(20)]))) await writer.appendAnywhere(0)
      return { interruptions: run.failedSends }
    })
  },
}

/** Appends to some streams, of which a part is parked; one event at a time, so that positions are known. */
class LargeWriter {
  private readonly make = eventMaker('large')

  constructor(
    private readonly context: ExperimentContext,
    private readonly run: BridgeRun,
  ) {}

  async append(streamId: string, isLarge: boolean): Promise<void> {
    const note = 'x'.repeat(isLarge ? largeBytes : 10)
    const events = this.make(1).map((event) => ({ ...event, data: { ...event.data, note } }))
    const intent = { caller: 'large', streamId, expectedVersion: 'any', events }
    await recordedAppend(this.context.history, intent, () =>
      this.run.store.appendToStream(streamId, events, { expectedVersion: 'any' }),
    )
  }

  async appendAnywhere(largeShare: number): Promise<void> {
    const { random } = this.context
    const streams = [...new Set(largeAt.values()), ...Array.from({ length: 20 }, (_, n) => `plain-${n}`)]
    const streamId = streams[random.integer(0, streams.length - 1)] ?? 'plain-0'
    await this.append(streamId, random.chance(largeShare))
    await pause(random.integer(0, 10))
  }
}

/** Parked is each event that is too large, with all later ones of its stream, and nothing else. */
async function demandParked({ history }: ExperimentContext, { pool }: BridgeRun): Promise<void> {
  const { rows } = await pool.query<{ expected: string; parked: string; differ: string }>(
    `with first as (
       select stream_id, min(version) as version from tidemark.events where length(data ->> 'note') >= $1 group by 1
     ), expected as (
       select e.stream_id, e.version from tidemark.events e
         join first f on f.stream_id = e.stream_id and e.version >= f.version
     ), parked as (select stream_id, version from tidemark.parked_records)
     select (select count(*) from expected) as expected, (select count(*) from parked) as parked,
            (select count(*) from ((table expected except table parked) union (table parked except table expected)) d) as differ`,
    [largeBytes],
  )
  const { expected = '?', parked = '?', differ = '?' } = rows[0] ?? {}
  demand(history, 'events set aside', `these ${expected}`, `${parked}, ${differ} of them others`, differ === '0')
}

/** Retries until nothing is parked, as long as the load goes on; true when that is so. */
async function retryUntilFree({ history, signal }: ExperimentContext, run: BridgeRun): Promise<boolean> {
  let parked = (await run.status()).parkedEvents
  for (let attempt = 0; attempt < 20 && parked > 0 && !signal.aborted; attempt++) {
    await run.retryParked({ maxMessageBytes: limits.high })
    parked = (await run.status()).parkedEvents
  }
  demand(history, 'events set aside after the limit was raised', '0', parked, parked === 0 || signal.aborted)
  return true
}
