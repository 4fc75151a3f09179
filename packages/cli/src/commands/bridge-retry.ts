import { retryParkedRecords } from '@tidemark/fanout'
import type { Command } from 'commander'
import { withProducer } from '../database/with-producer.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { bridgeSerializers } from '../runtime/bridge-serializers.js'
import type { ConfigureVerb } from '../verbs/verb.js'

const collect = (value: string, before: readonly string[] = []) => [...before, value]

export const configureBridgeRetry: ConfigureVerb = (verb, context) => {
  verb
    .argument('<bridge>', 'its name')
    .option('--key <key>', 'only of this key; may be repeated', collect)
    .action(async (name: string, { key: keys }: { readonly key?: readonly string[] }, command: Command) => {
      const retried = await withStore(command, context, async (store, { loaded, settings }) => {
        const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
        const serializer = bridgeSerializers(loaded.config, settings)?.()
        const options = { ...(keys && { keys }), ...(serializer && { serializer }) }
        return withProducer(settings, (producer) =>
          interruptible(
            (signal) => retryParkedRecords(store, definition, { producer, signal, ...options }),
            'what was published stays so; call it again for the rest',
          ),
        )
      })
      if (retried.some(({ waiting }) => waiting > 0)) context.ends.code = exitCode.unhealthy
      const lines = retried.map(({ error, ...rest }) => ({ ...rest, error: error?.message }))
      if (context.output.options.format !== 'table') return context.output.one({ bridge: name, keys: lines })
      context.output.list(
        lines,
        [
          ['key', ({ key }) => key],
          ['published', ({ published }) => published],
          ['dropped', ({ dropped }) => dropped],
          ['waiting', ({ waiting }) => waiting],
          ['error', ({ error }) => error],
        ],
        `no event was meant: see \`tidemark bridge parked ${name}\``,
      )
    })
}
