import type { Command } from 'commander'
import { resumeProjection } from '@tidemark/projections'
import type { AddCommand } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import { withExample } from '../with-example.js'

export const addProjectionsResume: AddCommand = (parent, context) => {
  withExample(parent.command('resume'), 'projections resume order-summary')
    .description('let a projection go on that was paused, or that stopped at an event, which is tried again at once')
    .argument('<projection>', 'its name')
    .action(async (name: string, _options, command: Command) => {
      const resumed = await withReadModels(command, context, (store, { loaded }) =>
        resumeProjection(store, findNamed(loaded.config.projections ?? [], name, 'projection')),
      )
      if (!resumed) context.output.note('it was neither paused nor stopped: nothing was changed')
      context.output.one({ projection: name, resumed })
    })
}
