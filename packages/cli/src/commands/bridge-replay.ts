import { replayToTopic, type ReplayedToTopic } from '@tidemark/fanout'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { withProducer } from '../database/with-producer.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { bridgeSerializers } from '../runtime/bridge-serializers.js'
import { changeNamed } from '../server/change-named.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly from?: bigint
  readonly to?: bigint
  readonly topic?: string
  readonly rate?: number
}

export const configureBridgeReplay: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<bridge>', 'its name')
    .option('--from <position>', 'the first position', bigNumber)
    .option('--to <position>', 'the last position', bigNumber)
    .option('--topic <name>', 'another topic than those of the bridge; it is not created')
    .option('--rate <events>', 'events per second at most', wholeNumber)
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const server = serverOf(options, context)
      const { from, to, topic, rate: eventsPerSecond } = options
      const input = { from: from?.toString(), to: to?.toString(), topic, eventsPerSecond }
      const agree = () => confirmOwnTopics(name, options)
      const result = server
        ? await changeNamed<Told<ReplayedToTopic>>(
            server,
            { noun: 'bridge', name, action: 'replay', options, input, agree },
            context,
          )
        : await replayHere(name, options, command, context)
      if (!result) return
      if (result.leftOut > 0) context.ends.code = exitCode.unhealthy
      context.output.one({ bridge: name, ...result })
    })
}

async function confirmOwnTopics(name: string, { topic, yes = false }: Options): Promise<void> {
  if (topic !== undefined) return
  await confirm(`Publish events again to the topics of "${name}", where consumers get them twice?`, { yes })
}

function replayHere(name: string, options: Options, command: Command, context: Context): Promise<ReplayedToTopic> {
  const { from, to, topic, rate } = options
  return withStore(command, context, async (store, { loaded, settings }) => {
    const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
    await confirmOwnTopics(name, options)
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
}
