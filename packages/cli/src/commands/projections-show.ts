import type { Command } from 'commander'
import type { ProjectionShard, ProjectionTable } from '@tidemark/projections'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { stallAdvice } from '../describe-stall.js'
import { durationText } from '../durations.js'
import { CliError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { judgeHealth } from '../judge-health.js'
import { measureMs } from '../measure-ms.js'
import { projectionStatuses, type ShownProjection } from '../projection-statuses.js'
import { projectionPath } from '../server/projection-change.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

type Status = ShownProjection | Told<ShownProjection>

export const configureProjectionsShow: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .argument('<projection>', 'its name')
    .action(async (name: string, options: { readonly server?: string }, command: Command) => {
      const server = serverOf(options, context)
      const query = { measureMs: String(measureMs) }
      const status = server
        ? await server.get<Told<ShownProjection>>(projectionPath(name), query)
        : await withReadModels(command, context, async (store, { loaded }) => {
            const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
            return (await projectionStatuses(store, [projection]))[0]
          })
      if (!status) throw new CliError(`projection "${name}" has no status`)
      show(context, status)
      context.ends.code = judgeHealth([status], undefined)
    })
}

type ShardLine = (ProjectionShard | Told<ProjectionShard>) & {
  readonly of: ProjectionTable | Told<ProjectionTable>
  readonly number: number
}

function show({ output }: Context, status: Status): void {
  if (output.options.format !== 'table') return output.one({ ...status })
  const { name, kind, version, liveVersion, state, position, head, lag, table, shards, failures } = status
  const { tables, lagMs, eventsPerSecond, etaMs, stall, owner, error } = status
  output.one({
    ...{ name, kind, version, liveVersion, state, position, head, lag, lagSeconds: lagMs / 1000 },
    eventsPerSecond: eventsPerSecond?.toFixed(0),
    eta: etaMs === undefined ? undefined : durationText(etaMs),
    stall: stallAdvice(name, stall),
    ...{ table, shards, owner, failures, error },
  })
  const lines = tables.flatMap((of): ShardLine[] =>
    of.shards.map((shard, index) => ({ ...shard, of, number: index + 1 })),
  )
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
