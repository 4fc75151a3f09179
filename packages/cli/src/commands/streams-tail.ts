import type { EventStore } from '@tidemark/eventstore'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { eventLine } from '../history/event-line.js'
import { beginBefore, follow, poll, refuseEndlessJson } from '../history/follow.js'
import { wholeNumber } from '../numbers.js'
import type { Output } from '../output/output.js'
import { ifThere, type AdminClient } from '../server/admin-client.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { newestThrough, readStreamThrough, tailOutput } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly last: number
  readonly tenant?: string
}

export const configureStreamsTail: ConfigureVerb = (verb, context) => {
  const { output } = context
  withPayloads(withServer(withTenantOption(verb)))
    .argument('<stream>', 'the id, such as order-o-42; it may have no events yet')
    .option('--last <n>', 'begin with so many events that are there', wholeNumber, 10)
    .action(async (streamId: string, options: Options, command: Command) => {
      refuseEndlessJson(output)
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      await (server
        ? tailThrough(server, streamId, options, output)
        : withStore(command, context, (store) => tail(store, streamId, options, output)))
      context.ends.code = exitCode.interrupted
    })
}

async function tail(store: EventStore, streamId: string, { last, tenant }: Options, output: Output): Promise<void> {
  const streams = streamsOf(store, tenant)
  const [newest] = await streams.readStream(streamId, { direction: 'backwards', limit: 1 })
  let reached = beginBefore(newest?.version ?? 0n, last)
  await follow(store, async () => {
    for await (const event of streams.walkStream(streamId, { fromVersion: reached + 1n })) {
      output.item(event, eventLine(output, event))
      reached = event.version
    }
  })
}

async function tailThrough(
  server: AdminClient,
  streamId: string,
  { last, payloads, tenant }: Options,
  output: Output,
): Promise<void> {
  const newest = (await ifThere(newestThrough(server, streamId, tenant))) ?? 0n
  let reached = beginBefore(newest, last)
  const show = tailOutput(output, payloads)
  await poll(async () => {
    const query = { from: String(reached + 1n), payloads, tenant }
    for (const view of (await ifThere(readStreamThrough(server, streamId, query))) ?? []) {
      show(view)
      reached = BigInt(view.version)
    }
  })
}
