import type { Command } from 'commander'
import { rollbackProjection } from '@tidemark/projections'
import type { AddCommand } from '../context.js'
import { withExample } from '../with-example.js'
import { switchTables } from './switch-tables.js'

export const addProjectionsRollback: AddCommand = (parent, context) => {
  withExample(parent.command('rollback'), 'projections rollback order-summary --yes')
    .description('make the table live again that was live before; run again, it takes that back')
    .argument('<projection>', 'its name')
    .action((name: string, _options, command: Command) =>
      switchTables(name, command, context, { status: 'previous', bringLive: rollbackProjection }),
    )
}
