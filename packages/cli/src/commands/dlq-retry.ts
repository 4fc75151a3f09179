import { retryParked, skipParked, type Redriven } from '@tidemark/projections'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { failedSelection, withFailedOptions, type FailedOptions } from '../failed-selection.js'
import { findNamed } from '../find-named.js'
import type { AdminClient } from '../server/admin-client.js'
import { deadLetterPath } from '../server/dead-letter-path.js'
import { changeProjection } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDlqRetry: ConfigureVerb = (verb, context) => {
  withFailedOptions(withServerChange(verb))
    .argument('<projection>', 'its name')
    .action(async (name: string, options: FailedOptions & ChangeOptions, command: Command) => {
      const selection = failedSelection(options)
      const server = serverOf(options, context)
      if (server) return redriveThrough(server, name, 'retry', options, context)
      const redriven = await withReadModels(command, context, (store, { loaded }) =>
        retryParked(store, findNamed(loaded.config.projections ?? [], name, 'projection'), selection),
      )
      show(context, name, summaryOf(redriven))
    })
}

export const configureDlqSkip: ConfigureVerb = (verb, context) => {
  withFailedOptions(withServerChange(verb, { ownReason: true }))
    .argument('<projection>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look for the events later')
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<
        FailedOptions & GlobalOptions & ChangeOptions & { readonly reason: string }
      >()
      const selection = failedSelection(options)
      const server = serverOf(options, context)
      const ask = () => confirm(`Leave the events out of "${name}" for good?`, { yes: !!options.yes })
      if (server) {
        if (!options.dryRun) await ask()
        return redriveThrough(server, name, 'skip', options, context)
      }
      const redriven = await withReadModels(command, context, async (store, { loaded }) => {
        const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
        await ask()
        return skipParked(store, projection, selection, options.reason)
      })
      show(context, name, summaryOf(redriven))
    })
}

interface RedrivenStream {
  readonly streamId: string
  readonly tenant?: string | undefined
  readonly handled: number
  readonly rowsChanged: number
  readonly failedAt?: bigint | string | undefined
  readonly error?: string | undefined
}

interface Summary {
  /** How many streams there are, and how many of them failed again; a server lists some of them. */
  readonly count: number
  readonly failed: number
  readonly streams: readonly RedrivenStream[]
}

function summaryOf(redriven: readonly Redriven[]): Summary {
  const streams = redriven.map(({ streamId, tenant, handled, failure, rows }) => ({
    ...{ streamId, tenant, handled: handled.length, rowsChanged: rows.length },
    ...{ failedAt: failure?.position, error: failure?.error.message },
  }))
  return { count: streams.length, failed: redriven.filter(({ failure }) => failure).length, streams }
}

/** What the admin API says of it. */
interface ToldRedriven {
  readonly streams: number
  readonly failedStreams: number
  readonly listed: readonly (Omit<RedrivenStream, 'error'> & { readonly error?: { readonly message: string } })[]
}

async function redriveThrough(
  server: AdminClient,
  projection: string,
  action: 'retry' | 'skip',
  options: FailedOptions & ChangeOptions,
  context: Context,
): Promise<void> {
  const { position, fingerprint, all } = options
  const input = { positions: position?.map(String), fingerprint, all }
  const change = { projection, path: deadLetterPath(projection, action), options, input }
  const told = await changeProjection<ToldRedriven>(server, change, context)
  if (!told) return
  const streams = told.listed.map(({ error, ...stream }) => ({ ...stream, error: error?.message }))
  show(context, projection, { count: told.streams, failed: told.failedStreams, streams })
}

function show({ output, ends }: Context, projection: string, { count, failed, streams }: Summary): void {
  if (failed > 0) ends.code = exitCode.unhealthy
  if (count > streams.length) output.note(`${streams.length} of ${count} streams are listed; ${failed} failed again`)
  if (output.options.format !== 'table') return output.one({ projection, streams })
  output.list<RedrivenStream>(
    streams,
    [
      ['stream', ({ streamId }) => streamId],
      ['handled', ({ handled }) => handled],
      ['rows changed', ({ rowsChanged }) => rowsChanged],
      ['failed at', ({ failedAt }) => failedAt],
      ['error', ({ error }) => error],
    ],
    'no event was meant: see `tidemark dlq list`',
  )
}
