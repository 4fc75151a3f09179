import type { Command } from 'commander'
import { listProjections, pauseProjection } from '@tidemark/projections'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { changeProjection, projectionPath } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsPause: ConfigureVerb = (verb, context) => {
  withServerChange(verb, { ownReason: true })
    .argument('<projection>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look at it meanwhile')
    .action(async (name: string, options: ChangeOptions & { readonly reason: string }, command: Command) => {
      const server = serverOf(options, context)
      const paused = server
        ? await changeProjection<Paused>(
            server,
            { projection: name, path: projectionPath(name, 'pause'), options },
            context,
          )
        : await withReadModels(command, context, async (store, { loaded }): Promise<Paused> => {
            const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
            const changed = await pauseProjection(store, projection, options.reason)
            const [status] = await listProjections(store, [projection])
            if (status?.stall?.reason === 'paused') return { changed, reason: status.stall.why }
            throw new CliError(
              `projection "${name}" was never started, so there is nothing to pause: leave it out of \`tidemark start\``,
            )
          })
      if (!paused) return
      const { changed, reason } = paused
      if (!changed) context.output.note(`it was paused before: ${reason}`)
      context.output.one({ projection: name, paused: changed, reason })
    })
}

interface Paused {
  readonly changed: boolean
  /** Why it stands still: the reason of whoever was the first. */
  readonly reason: string
}
