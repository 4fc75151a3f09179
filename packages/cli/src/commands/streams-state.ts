import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { aggregateOf } from '../history/aggregate-of.js'
import { loadOptionsOf, moment, type Moment } from '../history/moment.js'
import { jsonText } from '../output/json-text.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly at?: bigint | Date
  readonly tenant?: string
}

export const configureStreamsState: ConfigureVerb = (verb, context) => {
  withTenantOption(verb)
    .argument('<stream>', 'the id, such as order-o-42')
    .option('--at <moment>', 'a version, or a time such as 2025-03-01T12:00:00Z; now unless said', moment)
    .action(async (streamId: string, { at, tenant }: Options, command: Command) => {
      const { state, version, position } = await withStore(command, context, (store, { loaded }) => {
        const { aggregate, aggregateId } = aggregateOf(loaded.config, streamId)
        return streamsOf(store, tenant).load(aggregate, aggregateId, loadOptionsOf(at))
      })
      if (version === 0n) throw new CliError(nothingThere(streamId, at))
      const { output } = context
      if (output.options.format !== 'table') return output.one({ streamId, version, position, state })
      output.text(jsonText(state, 2))
      output.note(`${streamId} at version ${version}`)
    })
}

/** What is said of a stream without events. */
export function nothingThere(streamId: string, at: Moment): string {
  if (at === undefined || at instanceof Date) {
    const until = at === undefined ? '' : ` at ${at.toISOString()}`
    return `stream "${streamId}" has no events${until}: \`tidemark streams list\` shows those that have`
  }
  return `stream "${streamId}" has no events up to version ${at}: \`tidemark streams list\` shows those that have`
}
