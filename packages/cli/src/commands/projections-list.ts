import type { Command } from 'commander'
import { listProjections, type ProjectionStatus } from '@tidemark/projections'
import type { AddCommand } from '../context.js'
import { withStore } from '../database/with-store.js'
import { judgeHealth } from '../judge-health.js'
import { bigNumber } from '../numbers.js'

export const addProjectionsList: AddCommand = (parent, context) => {
  parent
    .command('list')
    .description('how far each projection has come; ends with 3 when one has failed')
    .option('--max-lag <positions>', 'end with 3 when one is further behind', bigNumber)
    .action(async ({ maxLag }: { readonly maxLag?: bigint }, command: Command) => {
      const projections = await withStore(command, context, (store, { loaded }) =>
        listProjections(store, loaded.config.projections ?? []),
      )
      context.output.list<ProjectionStatus>(
        projections,
        [
          ['name', ({ name }) => name],
          ['version', ({ version }) => version],
          ['state', ({ state }) => state],
          ['position', ({ position }) => position],
          ['head', ({ head }) => head],
          ['lag', ({ lag }) => lag],
          ['table', ({ table }) => table],
          ['error', ({ error }) => error],
        ],
        'the configuration has no projections',
      )
      context.ends.code = judgeHealth(projections, maxLag)
    })
}
