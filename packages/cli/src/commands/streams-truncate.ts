import type { Command } from 'commander'
import {
  partsOf,
  TruncationRefusedError,
  type StreamStore,
  type TruncateOptions,
  type TruncateResult,
} from '@tidemark/eventstore'
import { userInfo } from 'node:os'
import { ArchiveFile } from '../archive-file.js'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withStore } from '../database/with-store.js'
import { bigNumber } from '../numbers.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import { truncateThrough } from '../server/truncate-through.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly before: bigint
  readonly reason: string
  readonly archive?: string
  readonly withoutSnapshot?: boolean
  readonly evenIfUnread?: boolean
  readonly tenant?: string
}

export const configureStreamsTruncate: ConfigureVerb = (verb, context) => {
  withServerChange(withTenantOption(verb), { ownReason: true })
    .argument('<stream>', 'the id, such as order-o-42')
    .requiredOption('--before <version>', 'the first version that stays', bigNumber)
    .requiredOption('--reason <text>', 'why, for those who look for the events later')
    .option('--archive <file>', 'write the events to this new file first, one JSON object a line')
    .option('--without-snapshot', 'although the aggregate cannot be loaded afterwards')
    .option('--even-if-unread', 'although a projection or a bridge has not read the events yet')
    .action(async (streamId: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const { before, reason, tenant, withoutSnapshot = false, evenIfUnread = false } = options
      const server = serverOf(options, context)
      const sure = () =>
        confirm(`Delete the events of "${streamId}" before version ${before} for ever?`, { yes: !!options.yes })
      if (server) {
        if (!options.dryRun) await sure()
        const changed = await truncateThrough(server, streamId, options, context)
        return context.output.one('plan' in changed ? { streamId, ...changed.plan } : { ...changed.result })
      }
      const result = await withStore(command, context, async (store, { loaded }) => {
        await sure()
        const aggregate = loaded.config.aggregates.find(({ name }) => name === partsOf(streamId).category)
        return truncate(streamsOf(store, tenant), streamId, options.archive, {
          ...{ beforeVersion: before, reason, actor: userInfo().username, withoutSnapshot, evenIfUnread },
          ...(aggregate && { aggregate }),
        })
      })
      context.output.one({ ...result })
    })
}

async function truncate(
  store: StreamStore,
  streamId: string,
  path: string | undefined,
  options: TruncateOptions,
): Promise<TruncateResult> {
  if (path === undefined) return store.truncateStream(streamId, options)
  const file = await ArchiveFile.create(path)
  try {
    return await store.truncateStream(streamId, { ...options, archive: (events) => file.write(events) })
  } catch (error) {
    // After any other failure the events may be gone, and the archive is what is left of them.
    if (error instanceof TruncationRefusedError) await file.remove()
    throw error
  } finally {
    await file.close()
  }
}
