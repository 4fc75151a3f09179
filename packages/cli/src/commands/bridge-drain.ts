import { createKafkaAdmin, createKafkaProducer, drainBridge, type Drained } from '@tidemark/fanout'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { brokersOf } from '../database/with-producer.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { bridgeSerializers } from '../runtime/bridge-serializers.js'
import { changeNamed } from '../server/change-named.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends ChangeOptions {
  readonly group?: readonly string[]
  readonly topic?: readonly string[]
  readonly timeout: number
}

const collect = (value: string, before: readonly string[] = []) => [...before, value]

export const configureBridgeDrain: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<bridge>', 'its name')
    .option('--group <name>', 'a consumer group that is waited for; may be repeated', collect)
    .option('--topic <name>', 'a topic that they read, where the definition does not name it; may be repeated', collect)
    .option('--timeout <seconds>', 'how long it may take', wholeNumber, 60)
    .action(async (name: string, options: Options, command: Command) => {
      const { group = [], topic: topics, timeout } = options
      const server = serverOf(options, context)
      const input = { groups: group, timeoutMs: timeout * 1000, ...(topics && { topics }) }
      const drained = server
        ? await changeNamed<Told<Drained>>(server, { noun: 'bridge', name, action: 'drain', options, input }, context)
        : await drainHere(name, input, command, context)
      if (!drained) return
      const { position, parkedEvents, topics: of } = drained
      if (parkedEvents > 0) context.ends.code = exitCode.unhealthy
      const asText = context.output.options.format === 'table'
      context.output.one({
        ...{ bridge: name, position, parkedEvents },
        ...{ topics: asText ? of.join(', ') : of, groups: asText ? group.join(', ') : group },
      })
    })
}

function drainHere(
  name: string,
  what: { readonly groups: readonly string[]; readonly topics?: readonly string[]; readonly timeoutMs: number },
  command: Command,
  context: Context,
): Promise<Drained> {
  return withStore(command, context, async (store, { loaded, settings }) => {
    const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
    const brokers = brokersOf(settings)
    const admin = createKafkaAdmin({ brokers })
    const producer = () => createKafkaProducer({ brokers })
    const serializer = bridgeSerializers(loaded.config, settings)?.()
    const options = { ...what, producer, admin, ...(serializer && { serializer }) }
    try {
      return await interruptible(
        (signal) => drainBridge(store, definition, { ...options, signal }),
        'what was published stays so',
      )
    } finally {
      await admin.disconnect()
    }
  })
}
