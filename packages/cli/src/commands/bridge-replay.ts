import { replayToTopic } from '@tidemark/fanout'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withProducer } from '../database/with-producer.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { bridgeSerializers } from '../runtime/bridge-serializers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions {
  readonly from?: bigint
  readonly to?: bigint
  readonly topic?: string
  readonly rate?: number
}

export const configureBridgeReplay: ConfigureVerb = (verb, context) => {
  verb
    .argument('<bridge>', 'its name')
    .option('--from <position>', 'the first position', bigNumber)
    .option('--to <position>', 'the last position', bigNumber)
    .option('--topic <name>', 'another topic than those of the bridge; it is not created')
    .option('--rate <events>', 'events per second at most', wholeNumber)
    .action(async (name: string, _options, command: Command) => {
      const { from, to, topic, rate, yes = false } = command.optsWithGlobals<Options>()
      const result = await withStore(command, context, async (store, { loaded, settings }) => {
        const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
        if (topic === undefined)
          await confirm(`Publish events again to the topics of "${name}", where consumers get them twice?`, { yes })
        const progress = context.output.progress(`replaying ${name}`)
        const startedAt = performance.now()
        let first: bigint | undefined
        let reached: bigint | undefined
        const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
        const where = { ...(topic !== undefined && { topic }), ...(rate !== undefined && { eventsPerSecond: rate }) }
        const serializer = bridgeSerializers(loaded.config, settings)?.()
        try {
          return await withProducer(settings, (producer) =>
            interruptible(
              (signal) =>
                replayToTopic(store, definition, {
                  ...{ ...range, ...where, ...(serializer && { serializer }), producer, signal },
                  onProgress: ({ done, total }) => {
                    reached = done
                    first ??= done
                    const perSecond = Number(done - first) / ((performance.now() - startedAt) / 1000)
                    progress.update({ done, total, perSecond })
                  },
                }),
              'what was published stays so; go on with --from',
            ),
          )
        } catch (error) {
          if (reached !== undefined) context.output.note(`published up to position ${reached}`)
          throw error
        } finally {
          progress.end()
        }
      })
      if (result.leftOut > 0) context.ends.code = exitCode.unhealthy
      context.output.one({ bridge: name, ...result })
    })
}
