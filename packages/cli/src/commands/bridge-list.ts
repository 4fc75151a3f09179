import type { Command } from 'commander'
import { bridgeStatuses, type ShownBridge } from '../bridge-statuses.js'
import { withStore } from '../database/with-store.js'
import { stallText } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from '../measure-ms.js'
import { bigNumber } from '../numbers.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureBridgeList: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .option('--max-lag <positions>', 'end with 3 when one is further behind', bigNumber)
    .action(async (options: { readonly maxLag?: bigint; readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const bridges = server
        ? (await server.get<{ data: Told<ShownBridge>[] }>('/bridges', { measureMs: String(measureMs) })).data
        : await withStore(command, context, (store, { loaded }) => bridgeStatuses(store, loaded.config.bridges ?? []))
      context.output.list<ShownBridge | Told<ShownBridge>>(
        bridges,
        [
          ['name', ({ name }) => name],
          ['state', ({ state }) => state],
          ['position', ({ position }) => position],
          ['head', ({ head }) => head],
          ['lag', ({ lag }) => lag],
          ['lag s', ({ lagMs }) => (lagMs / 1000).toFixed(1)],
          ['per s', ({ eventsPerSecond }) => eventsPerSecond?.toFixed(0)],
          ['eta', ({ lag, etaMs }) => (BigInt(lag) === 0n || etaMs === undefined ? undefined : durationText(etaMs))],
          ['lanes', ({ lanes }) => (lanes.length > 1 ? lanes.length : '')],
          ['parked keys', ({ parkedKeys }) => (parkedKeys > 0 ? parkedKeys : '')],
          ['stall', ({ stall }) => stallText(stall)],
          ['error', ({ error }) => error],
        ],
        'the configuration has no bridges',
      )
      context.ends.code = judgeHealth(bridges, options.maxLag)
    })
}
