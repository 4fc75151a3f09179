import type { Experiment } from '../experiment.js'
import { runBridge } from '../workload/bridge-run.js'
import { kafkaOf } from '../workload/kafka-servers.js'
import { killBridges } from './killed-bridges.js'

/** Processes that publish in transactions die before one, in one, between its commit and the checkpoint, and anywhere. */
export const killedTransactions: Experiment = {
  name: 'killed-transactions',
  group: 'bridge',
  summary:
    'kill -9 of bridges that publish in transactions: who reads what is committed sees every event, once, in order',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I10', 'I12', 'requirements'],
  needs: 'kafka',

  async run(context) {
    const setting = { kafka: kafkaOf(context), options: { leaseMs: 500 }, transactional: true }
    await runBridge(context, setting, async (run) => {
      await killBridges(context, run, ['bridge.before-send', 'bridge.in-transaction', 'bridge.after-send'])
      return { interruptions: 0 }
    })
  },
}
