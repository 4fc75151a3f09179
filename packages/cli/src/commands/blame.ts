import { blame, type Blame } from '@tidemark/projections'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { bigNumber } from '../numbers.js'
import { rowKey } from '../row-key.js'
import { readModelNamed } from './projections-rebuild.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly at?: bigint
  readonly evenIfTruncated?: boolean
}

export const configureBlame: ConfigureVerb = (verb, context) => {
  verb
    .argument('<projection>', 'the name of a read model')
    .argument('<key>', 'the key of the row')
    .option('--at <position>', 'as it was there; at the head unless said', bigNumber)
    .option('--even-if-truncated', 'although streams that may have touched the row have lost their first events')
    .action(async (name: string, key: string, { at, evenIfTruncated = false }: Options, command: Command) => {
      const blamed = await withReadModels(command, context, (store, { loaded }) => {
        const projection = readModelNamed(loaded.config, name, 'to trace a value of')
        return blame(store, projection, rowKey(projection, key), { ...(at !== undefined && { at }), evenIfTruncated })
      })
      if (!blamed) {
        const until = at === undefined ? '' : ` up to position ${at}`
        throw new CliError(`no event made a row "${key}" of "${name}"${until}`)
      }
      show(context, name, blamed)
    })
}

function show({ output }: Context, projection: string, blamed: Blame): void {
  if (output.options.format !== 'table') return output.one({ projection, ...blamed })
  const { key, position, fields, deletedBy } = blamed
  const entries = Object.entries(fields).map(([property, field]) => ({ property, ...field }))
  if (deletedBy) entries.push({ property: 'the row', value: 'taken away', ...deletedBy })
  output.list(
    entries,
    [
      ['field', (field) => field.property],
      ['value', (field) => field.value],
      ['event', (field) => field.type],
      ['stream', (field) => field.streamId],
      ['version', (field) => field.version],
      ['position', (field) => field.position],
      ['at', (field) => field.recordedAt],
      ['actor', (field) => field.actor],
    ],
    'the row has no fields',
  )
  output.note(`row "${key}" of ${projection} at position ${position}`)
}
