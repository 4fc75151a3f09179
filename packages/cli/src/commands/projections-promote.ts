import type { Command } from 'commander'
import { promoteProjection } from '@tidemark/projections'
import { switchTables } from './switch-tables.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsPromote: ConfigureVerb = (verb, context) => {
  verb
    .argument('<projection>', 'its name')
    .action((name: string, _options, command: Command) =>
      switchTables(name, command, context, { status: 'built', bringLive: promoteProjection }),
    )
}
