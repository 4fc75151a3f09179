import type { Command } from 'commander'
import type { RecordedEvent } from '@tidemark/eventstore'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly from?: bigint
  readonly to?: bigint
  readonly limit: number
  readonly reverse?: boolean
  readonly tenant?: string
}

export const configureStreamsShow: ConfigureVerb = (verb, context) => {
  withTenantOption(verb)
    .argument('<stream>', 'the id, such as order-o-42')
    .option('--from <version>', 'the first version', bigNumber)
    .option('--to <version>', 'the last version', bigNumber)
    .option('--limit <n>', 'at most this many', wholeNumber, 100)
    .option('--reverse', 'the newest first')
    .action(async (streamId: string, { from, to, limit, reverse, tenant }: Options, command: Command) => {
      const events = await withStore(command, context, (store) =>
        streamsOf(store, tenant).readStream(streamId, {
          limit,
          direction: reverse ? 'backwards' : 'forwards',
          ...(from !== undefined && { fromVersion: from }),
          ...(to !== undefined && { toVersion: to }),
        }),
      )
      if (events.length === 0 && from === undefined && to === undefined) {
        throw new CliError(`stream "${streamId}" has no events: \`tidemark streams list\` shows those that have`)
      }
      context.output.list<RecordedEvent>(
        events,
        [
          ['version', ({ version }) => version],
          ['position', ({ position }) => position],
          ['event', ({ type }) => type],
          ['at', ({ recordedAt }) => recordedAt],
          ['data', ({ data }) => data],
        ],
        'there are no events between these versions',
      )
      if (events.length === limit) context.output.note(`there may be more: see --limit, --from and --to`)
    })
}
