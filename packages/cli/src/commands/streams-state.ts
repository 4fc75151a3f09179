import type { StreamStore } from '@tidemark/eventstore'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import type { TidemarkConfig } from '../define-config.js'
import { CliError } from '../errors.js'
import { aggregateOf } from '../history/aggregate-of.js'
import { loadOptionsOf, moment, type Moment } from '../history/moment.js'
import { jsonText } from '../output/json-text.js'
import { ifThere, type AdminClient } from '../server/admin-client.js'
import { momentThrough } from '../server/moment-through.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { noteMode, streamPath, type EventView } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly at?: bigint | Date
  readonly tenant?: string
}

export const configureStreamsState: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(withTenantOption(verb)))
    .argument('<stream>', 'the id, such as order-o-42')
    .option('--at <moment>', 'a version, or a time such as 2025-03-01T12:00:00Z; now unless said', moment)
    .action(async (streamId: string, options: Options, command: Command) => {
      const { at, tenant } = options
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const found = server
        ? await stateThrough(server, streamId, options, context)
        : await withStore(command, context, (store, { loaded }) =>
            stateOf(streamsOf(store, tenant), loaded.config, streamId, at),
          )
      if (!found) throw new CliError(nothingThere(streamId, at))
      const { output } = context
      if (output.options.format !== 'table') return output.one({ streamId, ...found })
      output.text(jsonText(found.state ?? null, 2))
      output.note(`${streamId} at version ${found.version}`)
    })
}

/** A state, and the event that led to it. */
interface StateAt {
  readonly version: bigint
  readonly position: bigint
  readonly state: unknown
}

async function stateOf(
  streams: StreamStore,
  config: TidemarkConfig,
  streamId: string,
  at: Moment,
): Promise<StateAt | undefined> {
  const { aggregate, aggregateId } = aggregateOf(config, streamId)
  const { state, version, position } = await streams.load(aggregate, aggregateId, loadOptionsOf(at))
  if (version === 0n) return undefined
  // A snapshot knows no position.
  const [last] = position > 0n ? [] : await streams.readStream(streamId, { fromVersion: version, toVersion: version })
  return { version, position: last?.position ?? position, state }
}

async function stateThrough(
  server: AdminClient,
  streamId: string,
  { at, payloads, tenant }: Options,
  { output }: Context,
): Promise<StateAt | undefined> {
  const view = await ifThere(
    momentThrough(server, streamId, at, tenant).then((version) =>
      server.get<{ readonly event: EventView; readonly state?: unknown }>(streamPath(streamId, 'state'), {
        ...{ version, payloads, tenant },
      }),
    ),
  )
  if (!view) return undefined
  noteMode(output, view.event.payloads, payloads)
  return { version: BigInt(view.event.version), position: BigInt(view.event.position), state: view.state }
}

/** What is said of a stream without events. */
export function nothingThere(streamId: string, at: Moment): string {
  if (at === undefined || at instanceof Date) {
    const until = at === undefined ? '' : ` at ${at.toISOString()}`
    return `stream "${streamId}" has no events${until}: \`tidemark streams list\` shows those that have`
  }
  return `stream "${streamId}" has no events up to version ${at}: \`tidemark streams list\` shows those that have`
}
