import { setTimeout as sleep } from 'node:timers/promises'
import { selectWaitingAges, type Head, type OperableStatus, type Stall } from '@tidemark/eventstore'
import type { AnyProjection } from './any-projection.js'
import { checkpointNameOf, handlerIdOf } from './names.js'
import { ProgressMeter } from './progress-meter.js'
import { selectProgress, type Progress } from './sql/select-progress.js'
import { selectTableShards, type ProjectionTable } from './sql/select-table-shards.js'
import type { ProjectionAudit } from './verify/audit.js'
import { stallOf } from './stall.js'
import { logDatabaseFor, type ProjectionStore } from './projection-store.js'

/** How a projection is getting on. */
export interface ProjectionStatus extends OperableStatus {
  readonly kind: 'projection'
  /** The version in the code; `stall` says so when another one is live. */
  readonly version: number
  /** The version whose rows are read now; undefined for a handler, and before the first start. */
  readonly liveVersion: number | undefined
  /** The live table, without its schema; undefined for a handler, and before the first start. */
  readonly table: string | undefined
  /** How many shards share its events. */
  readonly shards: number
  /** How often the batch that is next has failed. */
  readonly failures: number
  readonly lagMs: number
  readonly eventsPerSecond: number | undefined
  readonly etaMs: number | undefined
  readonly stall: Stall | undefined
  /** All tables that it has, the live one among them, those that changed last at the end; none for a handler. */
  readonly tables: readonly ProjectionTable[]
  /** What this process's audit has found; absent where it audits nothing of it. */
  readonly audit?: ProjectionAudit
}

/** What is asked for the progress of: names of read models, and handlers with their checkpoints. */
export function progressQueryOf(projections: readonly AnyProjection[]): {
  readonly readModels: readonly string[]
  readonly handlers: readonly { readonly name: string; readonly checkpoint: string }[]
} {
  return {
    readModels: projections.filter(({ kind }) => kind === 'read-model').map(({ name }) => name),
    handlers: projections
      .filter(({ kind }) => kind === 'handler')
      .map((handler) => ({ name: handler.name, checkpoint: checkpointNameOf(handlerIdOf(handler)) })),
  }
}

export interface ListProjectionsOptions {
  /** Looks again after so many milliseconds where one that runs is behind, to tell how fast it gets on; looks once unless given. */
  readonly measureMs?: number
}

/**
 * Says how projections are getting on, by what the database knows; for a process that runs none of them. A look costs four statements, however many
 * projections there are.
 *
 * A state is what can be told from the checkpoints: `paused` when somebody paused it, `running` while each shard is in somebody's hands, `retrying`
 * when one of them reported an error, `failed` when the one that reported it is gone, else `stopped`. How fast one gets on takes two looks to tell, and
 * is undefined after one. An error of the database that a projection noted in its checkpoint shows as `poison`.
 *
 * @example
 * for (const { name, lagMs, stall } of await listProjections(store, [orderSummary])) console.log(name, lagMs, stall?.reason)
 */
export async function listProjections(
  store: ProjectionStore,
  projections: readonly AnyProjection[],
  { measureMs }: ListProjectionsOptions = {},
): Promise<ProjectionStatus[]> {
  const meter = new ProgressMeter()
  const first = await lookAtProjections(store, projections, meter)
  if (measureMs === undefined || !first.some(({ state, lag }) => state === 'running' && lag > 0n)) return first
  await sleep(measureMs)
  return lookAtProjections(store, projections, meter)
}

/** Looks once, and tells the meter what it saw. */
export async function lookAtProjections(
  store: ProjectionStore,
  projections: readonly AnyProjection[],
  meter: ProgressMeter,
): Promise<ProjectionStatus[]> {
  const { readModels, handlers } = progressQueryOf(projections)
  const progress = await selectProgress(store.database, readModels, handlers)
  const tables = await selectTableShards(store.database, readModels)
  const head = await store.head()
  for (const [name, known] of progress)
    if (known.inline || known.fedBy !== undefined) progress.set(name, { ...known, position: head.position })
  const positionOf = (name: string) => progress.get(name)?.position ?? 0n
  const waiting = projections.map(({ name }) => positionOf(name)).filter((position) => position < head.lastPosition)
  const ages =
    waiting.length === 0 ? undefined : await selectWaitingAges(logDatabaseFor(store, store.database), waiting)
  return projections.map((projection) => {
    const known = progress.get(projection.name)
    const measured = measuredName(projection, known?.table)
    if (known) meter.saw(measured, known.position)
    return statusOf(projection, known, {
      head,
      lagMs: ages?.get(positionOf(projection.name)) ?? 0,
      eventsPerSecond: meter.perSecond(measured),
      tables: tables.get(projection.name) ?? [],
    })
  })
}

/** Under which name a meter knows how fast a projection is: what another table did tells nothing. */
export function measuredName(projection: AnyProjection, table: string | undefined): string {
  return checkpointNameOf(projection.kind === 'handler' ? handlerIdOf(projection) : (table ?? projection.name))
}

interface Seen extends Pick<ProjectionStatus, 'lagMs' | 'eventsPerSecond' | 'tables'> {
  readonly head: Head
}

function statusOf(
  { name, version }: AnyProjection,
  known: Progress | undefined,
  { head, lagMs, eventsPerSecond, tables }: Seen,
): ProjectionStatus {
  const position = known?.position ?? 0n
  const lag = head.position > position ? head.position - position : 0n
  return {
    kind: 'projection',
    ...{ name, version, position, lag, lagMs, eventsPerSecond, tables },
    head: head.position,
    etaMs: etaOf(lag, eventsPerSecond),
    stall: stallOf({ progress: known, version, head, lagMs }),
    liveVersion: known?.version,
    state: stateOf(known),
    table: known?.table,
    error: known?.paused === undefined ? known?.error : `paused: ${known.paused}`,
    owner: known?.owner,
    shards: known?.shards ?? 1,
    failures: known?.failures ?? 0,
  }
}

/** One that does not move never comes. */
function etaOf(lag: bigint, perSecond: number | undefined): number | undefined {
  if (lag === 0n) return 0
  return perSecond === undefined || perSecond <= 0 ? undefined : Math.round((Number(lag) / perSecond) * 1000)
}

function stateOf(progress: Progress | undefined): ProjectionStatus['state'] {
  if (!progress) return 'stopped'
  if (progress.inline) return 'running'
  if (progress.paused !== undefined) return 'paused'
  if (progress.error !== undefined) return progress.abandoned ? 'failed' : 'retrying'
  return progress.leaseRuns ? 'running' : 'stopped'
}
