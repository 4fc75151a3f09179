import type { Command } from 'commander'
import type { RecordedEvent } from '@tidemark/eventstore'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { ifThere, type AdminClient } from '../server/admin-client.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { noteMode, readStreamThrough, recordedOf } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly from?: bigint
  readonly to?: bigint
  readonly limit: number
  readonly reverse?: boolean
  readonly tenant?: string
}

export const configureStreamsShow: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(withTenantOption(verb)))
    .argument('<stream>', 'the id, such as order-o-42')
    .option('--from <version>', 'the first version', bigNumber)
    .option('--to <version>', 'the last version', bigNumber)
    .option('--limit <n>', 'at most this many', wholeNumber, 100)
    .option('--reverse', 'the newest first')
    .action(async (streamId: string, options: Options, command: Command) => {
      const { from, to, limit, reverse, tenant } = options
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const events = server
        ? await showThrough(server, streamId, options, context)
        : await withStore(command, context, (store) =>
            streamsOf(store, tenant).readStream(streamId, {
              ...{ limit, direction: reverse ? 'backwards' : 'forwards' },
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

async function showThrough(
  server: AdminClient,
  streamId: string,
  { from, to, limit, reverse, tenant, payloads }: Options,
  { output }: Context,
): Promise<RecordedEvent[]> {
  const direction = reverse ? 'backwards' : 'forwards'
  const query = { from: from?.toString(), to: to?.toString(), direction, payloads, tenant }
  const views = (await ifThere(readStreamThrough(server, streamId, query, limit))) ?? []
  noteMode(output, views[0]?.payloads, payloads)
  return views.map(recordedOf)
}
