import type { LaneStatus } from '@tidemark/fanout'
import type { Command } from 'commander'
import { bridgeStatuses, type ShownBridge } from '../bridge-statuses.js'
import { withStore } from '../database/with-store.js'
import { stallAdvice } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from '../measure-ms.js'
import { pathTo } from '../server/change-named.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureBridgeShow: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .argument('<bridge>', 'its name')
    .action(async (name: string, options: { readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const status = server
        ? await server.get<Told<ShownBridge>>(pathTo({ noun: 'bridge', name }), { measureMs: String(measureMs) })
        : await withStore(command, context, async (store, { loaded }) => {
            const [found] = await bridgeStatuses(store, [findNamed(loaded.config.bridges ?? [], name, 'bridge')])
            return found
          })
      if (!status) throw new CliError(`bridge "${name}" has no status`)
      context.ends.code = judgeHealth([status], undefined)
      const { kind: _kind, ...rest } = status
      if (context.output.options.format !== 'table') return context.output.one(rest)
      const { state, position, head, lag, lagMs, owner, failures, parkedKeys, parkedEvents, error, topics } = rest
      const { oldestUnsentMs, eventsPerSecond, etaMs, stall, lanes } = rest
      context.output.one({
        ...{ name, state, position, head, lag, owner, failures, parkedKeys, parkedEvents, error },
        topics: topics.length > 0 ? topics.join(', ') : 'as each event says',
        lagSeconds: lagMs / 1000,
        oldestUnsent: durationText(oldestUnsentMs),
        eventsPerSecond: eventsPerSecond?.toFixed(0),
        eta: etaMs === undefined ? undefined : durationText(etaMs),
        stall: stallAdvice(name, stall, 'bridge'),
        ...(lanes.length > 1 && Object.fromEntries(lanes.map((lane) => [`lane ${lane.lane}`, laneText(lane)]))),
      })
      if (parkedKeys > 0) context.output.note(`\`tidemark bridge parked ${name}\` lists what is parked`)
    })
}

function laneText({ state, position, lag, owner, error }: LaneStatus | Told<LaneStatus>): string {
  const of = owner === undefined ? '' : ` by ${owner}`
  return `${state}${of} at ${position}, ${lag} behind${error === undefined ? '' : `: ${error}`}`
}
