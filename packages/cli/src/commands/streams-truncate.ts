import type { Command } from 'commander'
import {
  partsOf,
  TruncationRefusedError,
  type RecordedEvent,
  type StreamStore,
  type TruncateOptions,
  type TruncateResult,
} from '@tidemark/eventstore'
import { open, rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { bigNumber } from '../numbers.js'
import { jsonText } from '../output/json-text.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions {
  readonly before: bigint
  readonly reason: string
  readonly archive?: string
  readonly withoutSnapshot?: boolean
  readonly evenIfUnread?: boolean
  readonly tenant?: string
}

export const configureStreamsTruncate: ConfigureVerb = (verb, context) => {
  withTenantOption(verb)
    .argument('<stream>', 'the id, such as order-o-42')
    .requiredOption('--before <version>', 'the first version that stays', bigNumber)
    .requiredOption('--reason <text>', 'why, for those who look for the events later')
    .option('--archive <file>', 'write the events to this new file first, one JSON object a line')
    .option('--without-snapshot', 'although the aggregate cannot be loaded afterwards')
    .option('--even-if-unread', 'although a projection or a bridge has not read the events yet')
    .action(async (streamId: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const { before, reason, tenant, withoutSnapshot = false, evenIfUnread = false } = options
      const result = await withStore(command, context, async (store, { loaded }) => {
        await confirm(`Delete the events of "${streamId}" before version ${before} for ever?`, { yes: !!options.yes })
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
  const file = await open(path, 'wx').catch((cause: unknown) => {
    throw new CliError(`the archive ${path} cannot be made, nothing was deleted: ${String(cause)}`, { cause })
  })
  try {
    const archive = async (events: readonly RecordedEvent[]) => {
      await file.appendFile(events.map((event) => `${jsonText(event)}\n`).join(''))
      // On the disk before the events are gone.
      await file.sync()
    }
    return await store.truncateStream(streamId, { ...options, archive })
  } catch (error) {
    // After any other failure the events may be gone, and the archive is what is left of them.
    if (error instanceof TruncationRefusedError) await rm(path)
    throw error
  } finally {
    await file.close()
  }
}
