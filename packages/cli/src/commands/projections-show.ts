import type { Command } from 'commander'
import {
  listProjections,
  type ProjectionShard,
  type ProjectionStatus,
  type ProjectionTable,
} from '@tidemark/projections'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { stallAdvice } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from './projections-list.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsShow: ConfigureVerb = (verb, context) => {
  verb.argument('<projection>', 'its name').action(async (name: string, _options, command: Command) => {
    const [status] = await withReadModels(command, context, (store, { loaded }) =>
      listProjections(store, [findNamed(loaded.config.projections ?? [], name, 'projection')], { measureMs }),
    )
    if (!status) throw new CliError(`projection "${name}" has no status`)
    show(context, status)
    context.ends.code = judgeHealth([status], undefined)
  })
}

interface ShardLine extends ProjectionShard {
  readonly of: ProjectionTable
  readonly number: number
}

function show({ output }: Context, status: ProjectionStatus): void {
  if (output.options.format !== 'table') return output.one({ ...status })
  const { tables, lagMs, eventsPerSecond, etaMs, stall, kind: _kind, ...rest } = status
  output.one({
    ...rest,
    lagSeconds: lagMs / 1000,
    eventsPerSecond: eventsPerSecond?.toFixed(0),
    eta: etaMs === undefined ? undefined : durationText(etaMs),
    stall: stallAdvice(status.name, stall),
  })
  const lines = tables.flatMap((of) => of.shards.map((shard, index) => ({ ...shard, of, number: index + 1 })))
  if (lines.length === 0) return
  output.text('')
  output.list<ShardLine>(
    lines,
    [
      ['table', ({ of }) => of.table],
      ['version', ({ of }) => of.version],
      ['status', ({ of }) => of.status],
      ['shard', ({ of, number }) => `${number}/${of.shards.length}`],
      ['position', ({ position }) => position],
      ['target', ({ of }) => (of.status === 'building' ? of.target : undefined)],
      ['owner', ({ owner }) => owner],
      ['failures', ({ failures }) => failures],
      ['error', ({ error }) => error],
    ],
    'it has no tables',
  )
}
