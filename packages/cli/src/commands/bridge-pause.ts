import { listBridges, pauseBridge, resumeBridge } from '@tidemark/fanout'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { changeNamed } from '../server/change-named.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Paused {
  readonly changed: boolean
  /** Why it stands still: the reason of whoever was the first. */
  readonly reason: string
}

export const configureBridgePause: ConfigureVerb = (verb, context) => {
  withServerChange(verb, { ownReason: true })
    .argument('<bridge>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look at it meanwhile')
    .action(async (name: string, options: ChangeOptions & { readonly reason: string }, command: Command) => {
      const server = serverOf(options, context)
      const paused = server
        ? await changeNamed<Paused>(server, { noun: 'bridge', name, action: 'pause', options }, context)
        : await withStore(command, context, async (store, { loaded }): Promise<Paused> => {
            const bridge = findNamed(loaded.config.bridges ?? [], name, 'bridge')
            const changed = await pauseBridge(store, bridge.name, options.reason)
            const [status] = await listBridges(store, [bridge])
            if (status?.stall?.reason === 'paused') return { changed, reason: status.stall.why }
            throw new CliError(
              `bridge "${name}" was never started, so there is nothing to pause: leave it out of \`tidemark start\``,
            )
          })
      if (!paused) return
      const { changed, reason } = paused
      if (!changed) context.output.note(`it was paused before: ${reason}`)
      context.output.one({ bridge: name, paused: changed, reason })
    })
}

export const configureBridgeResume: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<bridge>', 'its name')
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const server = serverOf(options, context)
      const resumed = server
        ? await changeNamed<{ changed: boolean }>(server, { noun: 'bridge', name, action: 'resume', options }, context)
        : await withStore(command, context, async (store, { loaded }) => ({
            changed: await resumeBridge(store, findNamed(loaded.config.bridges ?? [], name, 'bridge').name),
          }))
      if (!resumed) return
      if (!resumed.changed) context.output.note('it was neither paused nor halted: nothing was changed')
      context.output.one({ bridge: name, resumed: resumed.changed })
    })
}
