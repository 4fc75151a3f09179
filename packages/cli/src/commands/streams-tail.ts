import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { eventLine } from '../history/event-line.js'
import { follow, refuseEndlessJson } from '../history/follow.js'
import { wholeNumber } from '../numbers.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly last: number
  readonly tenant?: string
}

export const configureStreamsTail: ConfigureVerb = (verb, context) => {
  const { output } = context
  withTenantOption(verb)
    .argument('<stream>', 'the id, such as order-o-42; it may have no events yet')
    .option('--last <n>', 'begin with so many events that are there', wholeNumber, 10)
    .action(async (streamId: string, { last, tenant }: Options, command: Command) => {
      refuseEndlessJson(output)
      await withStore(command, context, async (store) => {
        const streams = streamsOf(store, tenant)
        const [newest] = await streams.readStream(streamId, { direction: 'backwards', limit: 1 })
        const begin = (newest?.version ?? 0n) - BigInt(last)
        let reached = begin > 0n ? begin : 0n
        await follow(store, async () => {
          for await (const event of streams.walkStream(streamId, { fromVersion: reached + 1n })) {
            output.item(event, eventLine(output, event))
            reached = event.version
          }
        })
      })
      context.ends.code = exitCode.interrupted
    })
}
