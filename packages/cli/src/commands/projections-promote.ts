import type { Command } from 'commander'
import { promoteProjection } from '@tidemark/projections'
import type { AddCommand } from '../context.js'
import { withExample } from '../with-example.js'
import { switchTables } from './switch-tables.js'

export const addProjectionsPromote: AddCommand = (parent, context) => {
  withExample(parent.command('promote'), 'projections promote order-summary --yes')
    .description('make the table live that `rebuild --no-promote` has built; the one that was live is kept')
    .argument('<projection>', 'its name')
    .action((name: string, _options, command: Command) =>
      switchTables(name, command, context, { status: 'built', bringLive: promoteProjection }),
    )
}
