import type { EventStore } from '@tidemark/eventstore'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { eventLine } from '../history/event-line.js'
import { beginBefore, follow, poll, refuseEndlessJson } from '../history/follow.js'
import { bigNumber, wholeNumber } from '../numbers.js'
import { repeatable } from '../repeatable.js'
import type { AdminClient, Query } from '../server/admin-client.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { tailOutput, type EventPage } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly tenant?: string
  readonly type?: readonly string[]
  readonly category?: readonly string[]
  readonly after?: bigint
  readonly last: number
}

const pageSize = 500

export const configureEventsTail: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(withTenantOption(verb)))
    .option('--type <type>', 'only events of this type; may be repeated', repeatable(String))
    .option('--category <name>', 'only events of this aggregate; may be repeated', repeatable(String))
    .option('--after <position>', 'begin after this position', bigNumber)
    .option('--last <n>', 'begin so many positions before the head, where --after is not given', wholeNumber, 10)
    .action(async (options: Options, command: Command) => {
      refuseEndlessJson(context.output)
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      await (server
        ? tailThrough(server, options, context)
        : withStore(command, context, (store) => tail(store, options, context)))
      context.ends.code = exitCode.interrupted
    })
}

async function tail(
  store: EventStore,
  { type: types, category: categories, after, last, tenant }: Options,
  { output }: Context,
): Promise<void> {
  let reached = after ?? beginBefore((await store.head()).position, last)
  await follow(store, async () => {
    for (let atHead = false; !atHead;) {
      const batch = await store.log.read({ after: reached, limit: pageSize, types, categories })
      for (const event of batch.events)
        if (tenant === undefined || event.tenant === tenant) output.item(event, eventLine(output, event))
      reached = batch.through
      atHead = batch.atHead
    }
  })
}

async function tailThrough(
  server: AdminClient,
  { type, category, after, last, payloads, tenant }: Options,
  { output }: Context,
): Promise<void> {
  const read = (query: Query) => server.get<EventPage>('/events', { ...query, tenant })
  const begin = after ?? beginBefore(BigInt((await read({ limit: '1', payloads: 'none' })).page.head), last)
  const show = tailOutput(output, payloads)
  let reached = String(begin)
  await poll(async () => {
    for (let isMore = true; isMore;) {
      const query = { direction: 'forwards', after: reached, limit: '200', type, category, payloads }
      const { data, page } = await read(query)
      data.forEach(show)
      isMore = page.next !== null
      if (page.next !== null) reached = page.next
      else if (BigInt(page.head) > BigInt(reached)) reached = page.head
    }
  })
}
