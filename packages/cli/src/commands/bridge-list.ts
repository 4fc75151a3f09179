import type { Command } from 'commander'
import { listBridges, type BridgeStatus } from '@tidemark/fanout'
import { withStore } from '../database/with-store.js'
import { stallText } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from '../measure-ms.js'
import { bigNumber } from '../numbers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureBridgeList: ConfigureVerb = (verb, context) => {
  verb
    .option('--max-lag <positions>', 'end with 3 when one is further behind', bigNumber)
    .action(async ({ maxLag }: { readonly maxLag?: bigint }, command: Command) => {
      const bridges = await withStore(command, context, (store, { loaded }) =>
        listBridges(store, loaded.config.bridges ?? [], { measureMs }),
      )
      context.output.list<BridgeStatus>(
        bridges,
        [
          ['name', ({ name }) => name],
          ['state', ({ state }) => state],
          ['position', ({ position }) => position],
          ['head', ({ head }) => head],
          ['lag', ({ lag }) => lag],
          ['lag s', ({ lagMs }) => (lagMs / 1000).toFixed(1)],
          ['per s', ({ eventsPerSecond }) => eventsPerSecond?.toFixed(0)],
          ['eta', ({ lag, etaMs }) => (lag === 0n || etaMs === undefined ? undefined : durationText(etaMs))],
          ['lanes', ({ lanes }) => (lanes.length > 1 ? lanes.length : '')],
          ['parked keys', ({ parkedKeys }) => (parkedKeys > 0 ? parkedKeys : '')],
          ['stall', ({ stall }) => stallText(stall)],
          ['error', ({ error }) => error],
        ],
        'the configuration has no bridges',
      )
      context.ends.code = judgeHealth(bridges, maxLag)
    })
}
