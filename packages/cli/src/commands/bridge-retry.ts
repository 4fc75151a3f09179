import { retryParkedRecords } from '@tidemark/fanout'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withProducer } from '../database/with-producer.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { bridgeSerializers } from '../runtime/bridge-serializers.js'
import { changeNamed } from '../server/change-named.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends ChangeOptions {
  readonly key?: readonly string[]
}

/** What was done with a key; its error is what it waits for. */
interface Retried {
  readonly key?: string | undefined
  readonly published: number
  readonly dropped: number
  readonly waiting: number
  readonly error?: string | undefined
}

/** What a server says; of very many keys it lists the first. */
interface RetriedByServer {
  readonly keys: number
  readonly waitingKeys: number
  readonly retried: readonly Retried[]
}

const collect = (value: string, before: readonly string[] = []) => [...before, value]

export const configureBridgeRetry: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<bridge>', 'its name')
    .option('--key <key>', 'only of this key; may be repeated', collect)
    .action(async (name: string, options: Options, command: Command) => {
      const server = serverOf(options, context)
      const told = server
        ? await changeNamed<RetriedByServer>(
            server,
            { noun: 'bridge', name, action: 'retry', options, input: { keys: options.key } },
            context,
          )
        : await retryHere(name, options.key, command, context)
      if (!told) return
      const { keys, waitingKeys, retried } = told
      if (waitingKeys > 0) context.ends.code = exitCode.unhealthy
      if (keys > retried.length) context.output.note(`these are the first ${retried.length} of ${keys} keys`)
      if (context.output.options.format !== 'table') return context.output.one({ bridge: name, keys: retried })
      context.output.list(
        retried,
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

function retryHere(
  name: string,
  keys: readonly string[] | undefined,
  command: Command,
  context: Context,
): Promise<RetriedByServer> {
  return withStore(command, context, async (store, { loaded, settings }) => {
    const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
    const serializer = bridgeSerializers(loaded.config, settings)?.()
    const options = { ...(keys && { keys }), ...(serializer && { serializer }) }
    const retried = await withProducer(settings, (producer) =>
      interruptible(
        (signal) => retryParkedRecords(store, definition, { producer, signal, ...options }),
        'what was published stays so; call it again for the rest',
      ),
    )
    return {
      keys: retried.length,
      waitingKeys: retried.filter(({ waiting }) => waiting > 0).length,
      retried: retried.map(({ error, ...rest }) => ({ ...rest, error: error?.message })),
    }
  })
}
