import { retryParked, skipParked, type Redriven } from '@tidemark/projections'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { failedSelection, withFailedOptions, type FailedOptions } from '../failed-selection.js'
import { findNamed } from '../find-named.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDlqRetry: ConfigureVerb = (verb, context) => {
  withFailedOptions(verb)
    .argument('<projection>', 'its name')
    .action(async (name: string, options: FailedOptions, command: Command) => {
      const selection = failedSelection(options)
      const redriven = await withReadModels(command, context, (store, { loaded }) =>
        retryParked(store, findNamed(loaded.config.projections ?? [], name, 'projection'), selection),
      )
      show(context, name, redriven)
    })
}

export const configureDlqSkip: ConfigureVerb = (verb, context) => {
  withFailedOptions(verb)
    .argument('<projection>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look for the events later')
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<FailedOptions & GlobalOptions & { readonly reason: string }>()
      const selection = failedSelection(options)
      const redriven = await withReadModels(command, context, async (store, { loaded }) => {
        const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
        await confirm(`Leave the events out of "${name}" for good?`, { yes: !!options.yes })
        return skipParked(store, projection, selection, options.reason)
      })
      show(context, name, redriven)
    })
}

function show({ output, ends }: Context, projection: string, redriven: readonly Redriven[]): void {
  const streams = redriven.map(({ streamId, tenant, handled, failure, rows }) => ({
    ...{ streamId, tenant, handled: handled.length, rowsChanged: rows.length },
    ...{ failedAt: failure?.position, error: failure?.error.message },
  }))
  if (streams.some(({ failedAt }) => failedAt !== undefined)) ends.code = exitCode.unhealthy
  if (output.options.format !== 'table') return output.one({ projection, streams })
  output.list(
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
