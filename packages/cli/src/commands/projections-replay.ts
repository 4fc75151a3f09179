import type { Command } from 'commander'
import { replay } from '@tidemark/projections'
import type { AddCommand } from '../context.js'
import { withStore } from '../database/with-store.js'
import { bigNumber } from '../numbers.js'
import { readModelNamed } from './projections-rebuild.js'

interface Options {
  readonly from?: bigint
  readonly to?: bigint
}

export const addProjectionsReplay: AddCommand = (parent, context) => {
  parent
    .command('replay')
    .description(
      'feed a range of the log to a projection in memory, writing nothing: does it still fold what was recorded?',
    )
    .argument('<projection>', 'its name')
    .option('--from <position>', 'the first position', bigNumber)
    .option('--to <position>', 'the last position', bigNumber)
    .action(async (name: string, { from, to }: Options, command: Command) => {
      const result = await withStore(command, context, (store, { loaded }) =>
        replay(store, readModelNamed(loaded.config, name), {
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
        }),
      )
      context.output.one({ projection: name, ...result })
    })
}
