import type { Command } from 'commander'
import { withReadModels } from '../database/with-store.js'
import { stallText } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from '../measure-ms.js'
import { bigNumber } from '../numbers.js'
import { projectionStatuses, type ShownProjection } from '../projection-statuses.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsList: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .option('--max-lag <positions>', 'end with 3 when one is further behind', bigNumber)
    .action(async (options: { readonly maxLag?: bigint; readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const query = { measureMs: String(measureMs) }
      const projections = server
        ? (await server.get<{ data: Told<ShownProjection>[] }>('/projections', query)).data
        : await withReadModels(command, context, (store, { loaded }) =>
            projectionStatuses(store, loaded.config.projections ?? []),
          )
      context.output.list<ShownProjection | Told<ShownProjection>>(
        projections,
        [
          ['name', ({ name }) => name],
          ['version', ({ version }) => version],
          ['state', ({ state }) => state],
          ['position', ({ position }) => position],
          ['head', ({ head }) => head],
          ['lag', ({ lag }) => lag],
          ['lag s', ({ lagMs }) => (lagMs / 1000).toFixed(1)],
          ['per s', ({ eventsPerSecond }) => eventsPerSecond?.toFixed(0)],
          ['eta', ({ lag, etaMs }) => (BigInt(lag) === 0n || etaMs === undefined ? undefined : durationText(etaMs))],
          ['stall', ({ stall }) => stallText(stall)],
          ['table', ({ table }) => table],
          ['error', ({ error }) => error],
        ],
        'the configuration has no projections',
      )
      context.ends.code = judgeHealth(projections, options.maxLag)
    })
}
