import { listParked, type ParkedEvent } from '@tidemark/projections'
import type { Command } from 'commander'
import { withReadModels } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { bigNumber } from '../numbers.js'
import type { AdminClient } from '../server/admin-client.js'
import { deadLetterPath } from '../server/dead-letter-path.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
}

/** A parked event, and what its event holds. */
interface Parked {
  readonly parked: ParkedEvent | Told<ParkedEvent>
  readonly data?: unknown
  readonly metadata?: unknown
}

export const configureDlqShow: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(verb))
    .argument('<projection>', 'its name')
    .argument('<position>', 'where the event is in the log', bigNumber)
    .action(async (name: string, position: bigint, options: Options, command: Command) => {
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const { parked, data, metadata } = server
        ? await parkedThrough(server, name, position, options)
        : await withReadModels(command, context, async (store, { loaded }): Promise<Parked> => {
            const [found] = await listParked(store, { projection: name, positions: [position] })
            if (!found) {
              findNamed(loaded.config.projections ?? [], name, 'projection')
              throw new CliError(`"${name}" has no event at position ${position} set aside`)
            }
            const [stored] = await store.readEventsAt([position])
            return { parked: found, data: stored?.data, metadata: stored?.metadata }
          })
      const { error, ...rest } = parked
      context.output.one({ ...rest, ...error, data, metadata })
    })
}

async function parkedThrough(
  server: AdminClient,
  name: string,
  position: bigint,
  { payloads }: PayloadOptions,
): Promise<Parked> {
  const { data: found } = await server.get<{ data: Told<ParkedEvent>[] }>(deadLetterPath(name, position))
  const [parked] = found
  if (!parked) throw new CliError(`"${name}" has no event at position ${position} set aside`)
  const path = `/events/${encodeURIComponent(parked.eventId)}`
  const event = await server.get<ToldEvent>(path, { payloads, tenant: parked.tenant })
  const { data, metadata = {}, correlationId, causationId, actor, traceparent } = event
  return { parked, data, metadata: { ...metadata, correlationId, causationId, actor, traceparent } }
}

/** An event as the admin API shows it: what everybody's metadata has stands beside the rest of it. */
interface ToldEvent {
  readonly data?: unknown
  readonly metadata?: object
  readonly correlationId?: string
  readonly causationId?: string
  readonly actor?: string
  readonly traceparent?: string
}
