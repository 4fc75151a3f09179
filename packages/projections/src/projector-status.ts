import type { AnyProjection } from './any-projection.js'
import { isDatabaseTrouble } from './database-trouble.js'
import { ProgressMeter } from './progress-meter.js'
import type { ProjectionRunner, RunnerProgress } from './projection-runner.js'
import { lookAtProjections, measuredName, type ProjectionStatus } from './projection-status.js'
import type { ProjectionAudit } from './verify/audit.js'
import type { RegisteredTable } from './sql/registry-statements.js'
import type { ProjectionStore } from './projection-store.js'

/** How the projections of a projector are getting on: what the database knows, and what only this process does. */
export class ProjectorStatus {
  private readonly meter = new ProgressMeter()
  private readonly last = new Map<string, ProjectionStatus>()

  constructor(
    private readonly store: ProjectionStore,
    private readonly runnerOf: (name: string) => ProjectionRunner | undefined,
    private readonly auditOf: (name: string) => ProjectionAudit | undefined,
  ) {}

  /** Notes where projections are now, so that it can be told how fast they get on. */
  sample(projections: readonly AnyProjection[], tables: readonly RegisteredTable[]): void {
    for (const projection of projections) {
      const live = tables.find(({ name, status }) => name === projection.name && status === 'live')
      const position = projection.kind === 'handler' ? this.runnerOf(projection.name)?.position : live?.position
      if (position !== undefined) this.meter.saw(measuredName(projection, live?.table), position)
    }
  }

  /** Looks at projections. Where the database does not answer, it tells what it saw last, and that. */
  async of(projections: readonly AnyProjection[]): Promise<ProjectionStatus[]> {
    try {
      return await this.look(projections)
    } catch (error) {
      if (!isDatabaseTrouble(error)) throw error
      return projections.map((projection) => this.unanswered(projection, error))
    }
  }

  /** The same, but throws where the database does not answer. */
  async look(projections: readonly AnyProjection[]): Promise<ProjectionStatus[]> {
    const seen = await lookAtProjections(this.store, projections, this.meter)
    const statuses = seen.map((status) => {
      const audit = this.auditOf(status.name)
      return { ...withProgress(status, this.runnerOf(status.name)?.progress), ...(audit && { audit }) }
    })
    for (const status of statuses) this.last.set(status.name, status)
    return statuses
  }

  private unanswered(projection: AnyProjection, error: unknown): ProjectionStatus {
    const { name, version } = projection
    const state = this.runnerOf(name)?.progress?.state ?? 'stopped'
    const message = messageOf(error)
    return {
      ...(this.last.get(name) ?? { ...blank, name, version }),
      ...{ state: state === 'running' ? 'retrying' : state, error: message, owner: undefined },
      ...{ eventsPerSecond: undefined, etaMs: undefined, stall: { reason: 'database', error: message } },
    }
  }
}

const blank = {
  kind: 'projection',
  ...{ position: 0n, head: 0n, lag: 0n, lagMs: 0 },
  ...{ liveVersion: undefined, table: undefined, shards: 1, failures: 0, tables: [] },
} as const

function withProgress(status: ProjectionStatus, progress: RunnerProgress | undefined): ProjectionStatus {
  if (!progress || status.state === 'paused') return status
  const { state, error, cause } = progress
  const { stall } = status
  const own = { ...status, state, error: error ?? status.error }
  if (error !== undefined && cause !== undefined && isDatabaseTrouble(cause))
    return { ...own, stall: { reason: 'database', error } }
  // Nobody tries again what this process gave up.
  if (stall?.reason === 'poison' && state === 'failed') return { ...own, stall: { ...stall, retryInMs: undefined } }
  return own
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
