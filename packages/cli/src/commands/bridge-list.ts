import type { Command } from 'commander'
import { listBridges, type BridgeStatus } from '@tidemark/fanout'
import type { AddCommand } from '../context.js'
import { withStore } from '../database/with-store.js'
import { bigNumber } from '../numbers.js'
import { judgeHealth } from '../judge-health.js'

export const addBridgeList: AddCommand = (parent, context) => {
  parent
    .command('list')
    .description('how far each bridge has published; ends with 3 when one has failed')
    .option('--max-lag <positions>', 'end with 3 when one is further behind', bigNumber)
    .action(async ({ maxLag }: { readonly maxLag?: bigint }, command: Command) => {
      const bridges = await withStore(command, context, (store, { loaded }) =>
        listBridges(store, loaded.config.bridges ?? []),
      )
      context.output.list<BridgeStatus>(
        bridges,
        [
          ['name', ({ name }) => name],
          ['state', ({ state }) => state],
          ['position', ({ position }) => position],
          ['head', ({ head }) => head],
          ['lag', ({ lag }) => lag],
          ['error', ({ error }) => error],
        ],
        'the configuration has no bridges',
      )
      context.ends.code = judgeHealth(bridges, maxLag)
    })
}
