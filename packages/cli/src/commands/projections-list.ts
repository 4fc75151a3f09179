import type { Command } from 'commander'
import { listProjections, type ProjectionStatus } from '@tidemark/projections'
import { withReadModels } from '../database/with-store.js'
import { stallText } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { judgeHealth } from '../judge-health.js'
import { bigNumber } from '../numbers.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

/** How long a list takes longer where something is behind, so that it can say how fast that gets on. */
export const measureMs = 1000

export const configureProjectionsList: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .option('--max-lag <positions>', 'end with 3 when one is further behind', bigNumber)
    .action(async (options: { readonly maxLag?: bigint; readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const projections = server
        ? (await server.get<{ data: Told<ProjectionStatus>[] }>('/projections')).data
        : await withReadModels(command, context, (store, { loaded }) =>
            listProjections(store, loaded.config.projections ?? [], { measureMs }),
          )
      context.output.list<ProjectionStatus | Told<ProjectionStatus>>(
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
