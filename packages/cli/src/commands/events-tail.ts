import type { EventStore, RecordedEvent } from '@tidemark/eventstore'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { eventLine } from '../history/event-line.js'
import { follow, refuseEndlessJson } from '../history/follow.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { repeatable } from '../repeatable.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly type?: readonly string[]
  readonly category?: readonly string[]
  readonly after?: bigint
  readonly last: number
}

const pageSize = 500

export const configureEventsTail: ConfigureVerb = (verb, context) => {
  verb
    .option('--type <type>', 'only events of this type; may be repeated', repeatable(String))
    .option('--category <name>', 'only events of this aggregate; may be repeated', repeatable(String))
    .option('--after <position>', 'begin after this position', bigNumber)
    .option('--last <n>', 'begin so many positions before the head, where --after is not given', wholeNumber, 10)
    .action(async (options: Options, command: Command) => {
      refuseEndlessJson(context.output)
      await withStore(command, context, (store) => tail(store, options, context))
      context.ends.code = exitCode.interrupted
    })
}

async function tail(
  store: EventStore,
  { type: types, category: categories, after, last }: Options,
  { output }: Context,
): Promise<void> {
  const { position } = await store.head()
  const begin = position - BigInt(last)
  let reached = after ?? (begin > 0n ? begin : 0n)
  await follow(store, async () => {
    for (let atHead = false; !atHead;) {
      const batch = await store.log.read({ after: reached, limit: pageSize, types, categories })
      batch.events.forEach((event: RecordedEvent) => output.item(event, eventLine(output, event)))
      reached = batch.through
      atHead = batch.atHead
    }
  })
}
