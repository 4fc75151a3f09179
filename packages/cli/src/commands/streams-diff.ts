import { valueChanges, type StreamStore, type ValueChange } from '@tidemark/eventstore'
import type { Command } from 'commander'
import type { Context } from '../context.js'
import { withStore } from '../database/with-store.js'
import type { TidemarkConfig } from '../define-config.js'
import { CliError } from '../errors.js'
import { aggregateOf } from '../history/aggregate-of.js'
import { loadOptionsOf, twoMoments, type Moment } from '../history/moment.js'
import { plainJson } from '../output/plain-json.js'
import { ifThere, type AdminClient } from '../server/admin-client.js'
import { momentThrough } from '../server/moment-through.js'
import { refusePayloads, withPayloads, type PayloadOptions } from '../server/payloads.js'
import { noteMode, streamPath } from '../server/stream-events.js'
import { serverOf, withServer } from '../server/through-server.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'
import { nothingThere } from './streams-state.js'

interface Options extends PayloadOptions {
  readonly server?: string
  readonly tenant?: string
}

type Moments = readonly [from: bigint | Date, to: Moment]

/** How a state became another one. */
interface StateChanges {
  readonly from: bigint
  readonly to: bigint
  readonly changes: readonly ValueChange[]
  /** How many are left out. */
  readonly more: number
}

export const configureStreamsDiff: ConfigureVerb = (verb, context) => {
  withPayloads(withServer(withTenantOption(verb)))
    .argument('<stream>', 'the id, such as order-o-42')
    .argument('<moments>', 'two versions or times, such as 3..7; 3.. compares with now', twoMoments)
    .action(async (streamId: string, moments: Moments, options: Options, command: Command) => {
      const { output } = context
      const server = serverOf(options, context)
      if (!server) refusePayloads(options)
      const found = server
        ? await changesThrough(server, streamId, moments, options, context)
        : await withStore(command, context, (store, { loaded }) =>
            changesOf(streamsOf(store, options.tenant), loaded.config, streamId, moments),
          )
      if (!found || found.to === 0n) throw new CliError(nothingThere(streamId, moments[1]))
      const { from, to, changes, more } = found
      output.list<ValueChange>(
        changes,
        [
          ['field', ({ path }) => path || '(all)'],
          ['before', (change) => change.before],
          ['after', (change) => change.after],
        ],
        'the state is the same',
      )
      output.note(`${streamId} from version ${from} to version ${to}`)
      if (more > 0) output.note(`the server leaves ${more} more out`)
    })
}

async function changesOf(
  streams: StreamStore,
  config: TidemarkConfig,
  streamId: string,
  [from, to]: Moments,
): Promise<StateChanges> {
  const { aggregate, aggregateId } = aggregateOf(config, streamId)
  const before = await streams.load(aggregate, aggregateId, loadOptionsOf(from))
  const after = await streams.load(aggregate, aggregateId, loadOptionsOf(to))
  const changes = valueChanges(plainJson(before.state), plainJson(after.state))
  return { from: before.version, to: after.version, changes, more: 0 }
}

interface DiffView {
  readonly from: string
  readonly to: string
  readonly payloads: string
  readonly changes: readonly ValueChange[]
  readonly more: number
}

async function changesThrough(
  server: AdminClient,
  streamId: string,
  moments: Moments,
  { payloads, tenant }: Options,
  { output }: Context,
): Promise<StateChanges | undefined> {
  const ask = async () => {
    const [from, to] = await Promise.all(moments.map((moment) => momentThrough(server, streamId, moment, tenant)))
    return server.get<DiffView>(streamPath(streamId, 'diff'), { from, to, payloads, tenant })
  }
  const view = await ifThere(ask())
  if (!view) return undefined
  noteMode(output, view.payloads, payloads)
  const { changes, more } = view
  return { from: BigInt(view.from), to: BigInt(view.to), changes, more }
}
