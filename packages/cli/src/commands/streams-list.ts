import { selectStreams, type StreamSummary } from '@tidemark/eventstore'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { wholeNumber } from '../numbers.js'
import { readPages } from '../server/read-pages.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly category?: string
  readonly after?: string
  readonly limit: number
  readonly tenant?: string
  readonly server?: string
}

export const configureStreamsList: ConfigureVerb = (verb, context) => {
  withServer(withTenantOption(verb))
    .option('--category <name>', 'only streams of this aggregate')
    .option('--after <stream>', 'only streams after this one')
    .option('--limit <n>', 'at most this many', wholeNumber, 50)
    .action(async (options: Options, command: Command) => {
      const { category, after, limit, tenant } = options
      const server = serverOf(options, context)
      const streams = server
        ? await readPages<Told<StreamSummary>>(server, '/streams', { category, after, tenant }, limit)
        : await withStore(command, context, async (whole) => {
            const store = streamsOf(whole, tenant)
            await store.admit()
            const prefix = category === undefined ? '' : `${category}-`
            return selectStreams(store.database, { prefix, ...(after !== undefined && { after }), limit })
          })
      context.output.list<StreamSummary | Told<StreamSummary>>(
        streams,
        [
          ['stream', ({ streamId }) => streamId],
          ['version', ({ version }) => version],
          ['last event', ({ lastType }) => lastType],
          ['at', ({ lastRecordedAt }) => lastRecordedAt],
        ],
        'there are no such streams',
      )
      const last = streams.at(-1)
      if (last && streams.length === limit) context.output.note(`there may be more: --after ${last.streamId}`)
    })
}
