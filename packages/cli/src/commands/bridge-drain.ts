import { createKafkaAdmin, createKafkaProducer, drainBridge } from '@tidemark/fanout'
import type { Command } from 'commander'
import { brokersOf } from '../database/with-producer.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { bridgeSerializers } from '../runtime/bridge-serializers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly group?: readonly string[]
  readonly topic?: readonly string[]
  readonly timeout: number
}

const collect = (value: string, before: readonly string[] = []) => [...before, value]

export const configureBridgeDrain: ConfigureVerb = (verb, context) => {
  verb
    .argument('<bridge>', 'its name')
    .option('--group <name>', 'a consumer group that is waited for; may be repeated', collect)
    .option('--topic <name>', 'a topic that they read, where the definition does not name it; may be repeated', collect)
    .option('--timeout <seconds>', 'how long it may take', wholeNumber, 60)
    .action(async (name: string, { group = [], topic: topics, timeout }: Options, command: Command) => {
      const drained = await withStore(command, context, async (store, { loaded, settings }) => {
        const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
        const brokers = brokersOf(settings)
        const admin = createKafkaAdmin({ brokers })
        const producer = () => createKafkaProducer({ brokers })
        const serializer = bridgeSerializers(loaded.config, settings)?.()
        const options = { producer, admin, groups: group, timeoutMs: timeout * 1000 }
        const given = { ...options, ...(topics && { topics }), ...(serializer && { serializer }) }
        try {
          return await interruptible(
            (signal) => drainBridge(store, definition, { ...given, signal }),
            'what was published stays so',
          )
        } finally {
          await admin.disconnect()
        }
      })
      const { position, parkedEvents, topics: of } = drained
      if (parkedEvents > 0) context.ends.code = exitCode.unhealthy
      const asText = context.output.options.format === 'table'
      context.output.one({
        ...{ bridge: name, position, parkedEvents },
        ...{ topics: asText ? of.join(', ') : of, groups: asText ? group.join(', ') : group },
      })
    })
}
