import type { Command } from 'commander'
import { listProjections, pauseProjection } from '@tidemark/projections'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { changeThrough, serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsPause: ConfigureVerb = (verb, context) => {
  withServerChange(verb, { ownReason: true })
    .argument('<projection>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look at it meanwhile')
    .action(async (name: string, options: ChangeOptions & { readonly reason: string }, command: Command) => {
      const { reason } = options
      const server = serverOf(options, context)
      if (server) {
        const path = `/projections/${encodeURIComponent(name)}/pause`
        const changed = await changeThrough<{ changed: boolean }>(server, path, options, {}, context)
        if ('plan' in changed) return context.output.one({ projection: name, ...changed.plan })
        return context.output.one({ projection: name, paused: changed.result.changed, reason })
      }
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
