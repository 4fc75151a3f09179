import { tryParked, type RowChange } from '@tidemark/projections'
import type { Command } from 'commander'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { bigNumber } from '../numbers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDlqTry: ConfigureVerb = (verb, context) => {
  verb
    .argument('<projection>', 'its name')
    .argument('<position>', 'where the event is in the log', bigNumber)
    .action(async (name: string, position: bigint, _options, command: Command) => {
      const { output, ends } = context
      const trial = await withReadModels(command, context, (store, { loaded }) =>
        tryParked(store, findNamed(loaded.config.projections ?? [], name, 'projection'), position),
      )
      if (!trial) throw new CliError(`"${name}" has no event at position ${position} that failed`)
      const { passes, error, rows, alike } = trial
      if (!passes) ends.code = exitCode.unhealthy
      if (output.options.format !== 'table')
        return output.one({ projection: name, position, passes, error: error?.message, rows, alike })
      output.text(passes ? 'it passes now' : `it fails: ${error?.message ?? ''}`)
      output.list<RowChange>(
        rows,
        [
          ['key', ({ key }) => key],
          ['before', ({ before }) => before],
          ['after', ({ after }) => after],
        ],
        'no row would change',
      )
      output.note(`${alike.passing} of ${alike.tried} that failed alike would pass; nothing was changed`)
    })
}
