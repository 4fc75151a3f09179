import type { Experiment } from '../experiment.js'
import { runBridge } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { withOwnKafka } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

/** Every event is large, so that a backlog shows in the memory soon; a long one is no more than can be published in half a minute. */
const sizes = {
  short: { outageMs: 20_000, batchSize: 100, load: { accountWriters: 4, noteBytes: 8000 } },
  full: {
    outageMs: 600_000,
    batchSize: 500,
    load: { accountWriters: 8, streamWriters: 0, longestPauseMs: 400, noteBytes: 2000 },
  },
  hunt: { outageMs: 15_000, batchSize: 100, load: { accountWriters: 4, noteBytes: 32_000 } },
} as const

const mostMegabytes = 256
const mostGrowth = 64

/** The only broker is down for long, while appends go on. */
export const brokerOutages: Experiment = {
  name: 'broker-outages',
  group: 'bridge',
  summary: 'the broker is down for long and appends go on: the memory of the bridge does not grow with the backlog',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12', 'requirements'],

  async run(context) {
    const { size, history, signal } = context
    const { outageMs, batchSize, load } = sizes[size]
    await withOwnKafka({}, (kafka) =>
      runBridge(context, { kafka, options: { batchSize } }, async (run) => {
        run.startLoad(load)
        await run.start().started
        await run.demandProgress('its start')
        const [broker] = kafka.brokers
        await broker?.kill('SIGKILL')
        const before = await run.status()
        run.memory = []
        await pause(outageMs, signal)
        const meanwhile = run.memory.map((bytes) => Math.round(bytes / 2 ** 20))
        const after = await run.status()
        demand(history, 'its state in the outage', 'retrying', after.state, after.state === 'retrying')
        const appended = after.head - before.head
        const wanted = BigInt(outageMs / 20)
        demand(history, 'positions in the backlog', `at least ${wanted}`, String(appended), appended >= wanted)
        const quarter = Math.ceil(meanwhile.length / 4)
        const [early, late] = [Math.max(...meanwhile.slice(0, quarter)), Math.max(...meanwhile.slice(-quarter))]
        const most = Math.max(...meanwhile)
        demand(
          history,
          'the most memory in the outage',
          `at most ${mostMegabytes} MB`,
          `${most} MB`,
          most <= mostMegabytes,
        )
        const growth = late - early
        demand(history, 'the growth of its memory', `at most ${mostGrowth} MB`, `${growth} MB`, growth <= mostGrowth)
        await broker?.start()
        return { interruptions: run.failedSends }
      }),
    )
  },
}
