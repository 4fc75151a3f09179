import { tryParked, type RowChange, type Trial } from '@tidemark/projections'
import type { Command } from 'commander'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { bigNumber } from '../numbers.js'
import { deadLetterPath } from '../server/dead-letter-path.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
}

/** What would become of an event; a server may leave values out. */
interface Shown extends Pick<Trial, 'passes' | 'alike'> {
  readonly error?: { readonly message: string } | undefined
  readonly rows: readonly (Pick<RowChange, 'key'> & { readonly before?: unknown; readonly after?: unknown })[]
}

export const configureDlqTry: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(verb))
    .argument('<projection>', 'its name')
    .argument('<position>', 'where the event is in the log', bigNumber)
    .action(async (name: string, position: bigint, options: Options, command: Command) => {
      const { output, ends } = context
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const query = options.payloads === undefined ? '' : `?payloads=${options.payloads}`
      const trial: Shown | undefined = server
        ? await server.post<Shown>(`${deadLetterPath(name, position, 'try')}${query}`, {})
        : await withReadModels(command, context, (store, { loaded }) =>
            tryParked(store, findNamed(loaded.config.projections ?? [], name, 'projection'), position),
          )
      if (!trial) throw new CliError(`"${name}" has no event at position ${position} that failed`)
      const { passes, error, rows, alike } = trial
      if (!passes) ends.code = exitCode.unhealthy
      if (output.options.format !== 'table')
        return output.one({ projection: name, position, passes, error: error?.message, rows, alike })
      output.text(passes ? 'it passes now' : `it fails: ${error?.message ?? ''}`)
      output.list<Shown['rows'][number]>(
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
