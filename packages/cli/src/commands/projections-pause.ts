import type { Command } from 'commander'
import { listProjections, pauseProjection } from '@tidemark/projections'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsPause: ConfigureVerb = (verb, context) => {
  verb
    .argument('<projection>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look at it meanwhile')
    .action(async (name: string, { reason }: { readonly reason: string }, command: Command) => {
      const { paused, stall } = await withReadModels(command, context, async (store, { loaded }) => {
        const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
        const done = await pauseProjection(store, projection, reason)
        const [status] = await listProjections(store, [projection])
        return { paused: done, stall: status?.stall }
      })
      if (stall?.reason !== 'paused')
        throw new CliError(
          `projection "${name}" was never started, so there is nothing to pause: leave it out of \`tidemark start\``,
        )
      if (!paused) context.output.note(`it was paused before: ${stall.why}`)
      context.output.one({ projection: name, paused, reason: stall.why })
    })
}
