import type { Experiment } from '../experiment.js'
import { runBridge } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { kafkaOf, withRegistryBehindProxy } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

const sizes = {
  short: { rounds: 1, awayMs: 3000 },
  full: { rounds: 10, awayMs: 30_000 },
  hunt: { rounds: 1, awayMs: 1000 },
}

/** The schema registry does not answer for a while: who has its schemas goes on, who starts says so and publishes nothing. */
export const registryOutages: Experiment = {
  name: 'registry-outages',
  group: 'bridge',
  summary: 'the schema registry is down for a while: running bridges go on, starting ones fail typed, nothing is lost',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12', 'requirements'],
  needs: 'kafka',

  async run(context) {
    const { size, history, signal } = context
    const { rounds, awayMs } = sizes[size]
    await withRegistryBehindProxy((registryUrl, registry) =>
      runBridge(context, { kafka: kafkaOf(context), registryUrl, options: { leaseMs: 500 } }, async (run) => {
        run.startLoad({ accountWriters: 8, streamWriters: 0 })
        let kills = 0
        let bridge = run.start()
        for (; kills < rounds && !signal.aborted; kills++) {
          await bridge.started
          registry.refuse()
          registry.cutAll()
          await pause(awayMs, signal)
          await run.demandProgress('the registry went away')
          await bridge.kill()
          const { position } = await run.status()
          const outcome = await run.start().outcome
          const ended = outcome?.kind === 'failed' ? outcome.code : (outcome?.kind ?? 'nothing')
          const unavailable = 'FANOUT_SCHEMA_REGISTRY_UNAVAILABLE'
          demand(history, 'a start without the registry', unavailable, ended, ended === unavailable)
          const moved = (await run.status()).position - position
          demand(history, 'positions that a start without the registry moved', '0', String(moved), moved === 0n)
          registry.heal()
          bridge = run.start()
        }
        return { interruptions: kills + run.failedSends }
      }),
    )
  },
}
