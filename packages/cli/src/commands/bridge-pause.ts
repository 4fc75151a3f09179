import { listBridges, pauseBridge, resumeBridge } from '@tidemark/fanout'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureBridgePause: ConfigureVerb = (verb, context) => {
  verb
    .argument('<bridge>', 'its name')
    .requiredOption('--reason <text>', 'why, for those who look at it meanwhile')
    .action(async (name: string, { reason }: { readonly reason: string }, command: Command) => {
      const { paused, stall } = await withStore(command, context, async (store, { loaded }) => {
        const bridge = findNamed(loaded.config.bridges ?? [], name, 'bridge')
        const done = await pauseBridge(store, bridge.name, reason)
        const [status] = await listBridges(store, [bridge])
        return { paused: done, stall: status?.stall }
      })
      if (stall?.reason !== 'paused')
        throw new CliError(
          `bridge "${name}" was never started, so there is nothing to pause: leave it out of \`tidemark start\``,
        )
      if (!paused) context.output.note(`it was paused before: ${stall.why}`)
      context.output.one({ bridge: name, paused, reason: stall.why })
    })
}

export const configureBridgeResume: ConfigureVerb = (verb, context) => {
  verb.argument('<bridge>', 'its name').action(async (name: string, _options, command: Command) => {
    const resumed = await withStore(command, context, (store, { loaded }) =>
      resumeBridge(store, findNamed(loaded.config.bridges ?? [], name, 'bridge').name),
    )
    if (!resumed) context.output.note('it was neither paused nor halted: nothing was changed')
    context.output.one({ bridge: name, resumed })
  })
}
