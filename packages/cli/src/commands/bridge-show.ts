import { listBridges, type LaneStatus } from '@tidemark/fanout'
import type { Command } from 'commander'
import { withStore } from '../database/with-store.js'
import { stallAdvice } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from '../measure-ms.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureBridgeShow: ConfigureVerb = (verb, context) => {
  verb.argument('<bridge>', 'its name').action(async (name: string, _options, command: Command) => {
    const { status, topics } = await withStore(command, context, async (store, { loaded }) => {
      const definition = findNamed(loaded.config.bridges ?? [], name, 'bridge')
      const [found] = await listBridges(store, [definition], { measureMs })
      return { status: found, topics: definition.topics }
    })
    if (!status) throw new CliError(`bridge "${name}" has no status`)
    context.ends.code = judgeHealth([status], undefined)
    const { published: _published, acknowledgedInMs: _acknowledgedInMs, kind: _kind, ...rest } = status
    if (context.output.options.format !== 'table') return context.output.one({ ...rest, topics })
    const { lagMs, oldestUnsentMs, eventsPerSecond, etaMs, stall, lanes, ...plain } = rest
    context.output.one({
      ...plain,
      topics: topics.length > 0 ? topics.join(', ') : 'as each event says',
      lagSeconds: lagMs / 1000,
      oldestUnsent: durationText(oldestUnsentMs),
      eventsPerSecond: eventsPerSecond?.toFixed(0),
      eta: etaMs === undefined ? undefined : durationText(etaMs),
      stall: stallAdvice(name, stall, 'bridge'),
      ...(lanes.length > 1 && Object.fromEntries(lanes.map((lane) => [`lane ${lane.lane}`, laneText(lane)]))),
    })
    if (status.parkedKeys > 0) context.output.note(`\`tidemark bridge parked ${name}\` lists what is parked`)
  })
}

function laneText({ state, position, lag, owner, error }: LaneStatus): string {
  const of = owner === undefined ? '' : ` by ${owner}`
  return `${state}${of} at ${position}, ${lag} behind${error === undefined ? '' : `: ${error}`}`
}
