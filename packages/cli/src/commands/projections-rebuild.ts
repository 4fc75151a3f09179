import type { Command } from 'commander'
import { rebuildProjection, type Projection } from '@tidemark/projections'
import type { AddCommand } from '../context.js'
import { withStore } from '../database/with-store.js'
import { UsageError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import type { TidemarkConfig } from '../define-config.js'

export const addProjectionsRebuild: AddCommand = (parent, context) => {
  parent
    .command('rebuild')
    .description('build a read model anew beside the live one, then switch; readers and writers go on meanwhile')
    .argument('<projection>', 'its name')
    .action(async (name: string, _options, command: Command) => {
      const result = await withStore(command, context, async (store, { loaded }) => {
        const projection = readModelNamed(loaded.config, name)
        const progress = context.output.progress(`rebuilding ${name}`)
        const goOn = `the live table is as it was; \`tidemark projections rebuild ${name}\` goes on from here`
        try {
          return await interruptible(
            (signal) =>
              rebuildProjection(store, projection, {
                signal,
                onProgress: ({ done, total, eventsPerSecond }) =>
                  progress.update({ done, total, perSecond: eventsPerSecond }),
              }),
            goOn,
          )
        } finally {
          progress.end()
        }
      })
      context.output.one({ projection: name, ...result, durationMs: Math.round(result.durationMs) })
    })
}

/**
 * @throws {UnknownNameError} there is no projection of that name.
 * @throws {UsageError} it is a raw handler, which has no table for the purpose.
 */
export function readModelNamed(
  { projections = [] }: TidemarkConfig,
  name: string,
  purpose = 'that could be built anew: give it a new version instead',
): Projection {
  const projection = findNamed(projections, name, 'projection')
  if (projection.kind === 'read-model') return projection
  throw new UsageError(`"${name}" is a handler and has no table ${purpose}`)
}
