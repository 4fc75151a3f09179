import { blame, type Blame, type FieldBlame } from '@tidemark/projections'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { bigNumber } from '../numbers.js'
import { rowKey } from '../row-key.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { projectionPath } from '../server/projection-change.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { readModelNamed } from './projections-rebuild.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly at?: bigint
  readonly evenIfTruncated?: boolean
}

type Shown = Blame | Told<Blame>

export const configureBlame: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(verb))
    .argument('<projection>', 'the name of a read model')
    .argument('<key>', 'the key of the row')
    .option('--at <position>', 'as it was there; at the head unless said', bigNumber)
    .option('--even-if-truncated', 'although streams that may have touched the row have lost their first events')
    .action(async (name: string, key: string, options: Options, command: Command) => {
      const { at, evenIfTruncated = false, payloads } = options
      const server = serverOf(options, context)
      if (server) {
        const path = projectionPath(name, `rows/${encodeURIComponent(key)}/blame`)
        const query = { at: at?.toString(), evenIfTruncated: String(evenIfTruncated), payloads }
        return show(context, name, await server.get<Told<Blame>>(path, query))
      }
      refusePayloads(options)
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

interface Line extends Partial<Omit<FieldBlame | Told<FieldBlame>, 'value'>> {
  readonly property: string
  readonly value?: unknown
}

function show({ output }: Context, projection: string, blamed: Shown): void {
  if (output.options.format !== 'table') return output.one({ projection, ...blamed })
  const { key, position, fields, deletedBy } = blamed
  const entries: Line[] = Object.entries<Omit<Line, 'property'>>(fields).map(([property, field]) => ({
    property,
    ...field,
  }))
  if (deletedBy) entries.push({ property: 'the row', value: 'taken away', ...deletedBy })
  output.list<Line>(
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
