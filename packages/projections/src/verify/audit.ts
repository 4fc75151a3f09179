import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@tidemark/eventstore'
import { isDatabaseTrouble } from '../database-trouble.js'
import type { Projection } from '../define-projection.js'
import { ProjectionDefinitionError, ProjectionError } from '../errors.js'
import type { ProjectionStore } from '../projection-store.js'
import type { ProjectionMetrics } from '../telemetry/projection-metrics.js'
import { verifyProjection, type DriftedRow } from './verify-projection.js'

/** How live tables are verified in the background. */
export interface AuditOptions {
  /** How many rows of each read model are folded again per minute, chosen by chance: above 0, at most 60,000. */
  readonly rowsPerMinute: number
  /** Whether rows that have drifted are written as the log says; they are only reported unless said. */
  readonly heal?: boolean
}

/** What the audit of a read model has found since this process began it. */
export interface ProjectionAudit {
  readonly checkedRows: number
  /** How often a row was found that is not what the log says; the same row may be found again. */
  readonly driftedRows: number
  readonly healedRows: number
  /** The row that was found last, and when. */
  readonly lastDrift: { readonly row: DriftedRow; readonly at: Date } | undefined
}

export interface AuditorOptions extends AuditOptions {
  readonly logger: Logger
  readonly metrics: ProjectionMetrics | undefined
  /** Whether this process is the one that audits a read model. */
  readonly leads: (name: string) => boolean
}

/** Of the time it may work. */
const share = 0.05
const [shortestTickMs, longestTickMs] = [100, 10_000]
const rowsAtOnce = 5000
const warnedAtMost = 1000

/**
 * Verifies some rows of the live tables now and then, at a rate.
 *
 * It reads rows in a snapshot that lasts a moment, and the log like any reader, so neither readers nor projectors wait for it. What takes long, as the whole log does for a projection
 * with `keyOf`, is done less often, with more rows at once.
 */
export class Auditor {
  private readonly found = new Map<string, ProjectionAudit>()
  private readonly lookedAt = new Map<string, number>()
  private readonly warned = new Set<string>()
  private readonly ending = new AbortController()
  private readonly ended: Promise<void>

  constructor(
    private readonly store: ProjectionStore,
    private readonly projections: readonly Projection[],
    private readonly options: AuditorOptions,
  ) {
    this.ended = this.run()
  }

  /** What was found of a read model; undefined where another process audits it. */
  of(name: string): ProjectionAudit | undefined {
    return this.found.get(name)
  }

  /** Ends within a batch of events. */
  async stop(): Promise<void> {
    this.ending.abort()
    await this.ended
  }

  private async run(): Promise<void> {
    const { signal } = this.ending
    const tickMs = Math.min(Math.max(60_000 / this.options.rowsPerMinute, shortestTickMs), longestTickMs)
    while (!signal.aborted) {
      await sleep(tickMs * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => undefined)
      for (const projection of this.projections) if (!signal.aborted) await this.look(projection)
    }
  }

  private async look(projection: Projection): Promise<void> {
    const { rowsPerMinute, heal = false, logger, leads } = this.options
    const { name } = projection
    if (!leads(name)) {
      this.found.delete(name)
      this.lookedAt.delete(name)
      return
    }
    const now = performance.now()
    const since = this.lookedAt.get(name)
    const due = since === undefined ? 0 : ((now - since) * rowsPerMinute) / 60_000
    if (since === undefined) this.lookedAt.set(name, now)
    if (due < 1) return
    this.lookedAt.set(name, now)
    try {
      const sample = Math.min(Math.floor(due), rowsAtOnce)
      const { signal } = this.ending
      const { checked, drifted, driftedRows, healed } = await verifyProjection(this.store, projection, {
        ...{ sample, heal, share, signal },
      })
      this.note(name, { checked, drifted, driftedRows, healed })
    } catch (error) {
      if (this.ending.signal.aborted) return
      const passes = isDatabaseTrouble(error) || (error instanceof ProjectionError && error.retryable)
      logger[passes ? 'debug' : 'warn']({ err: error, projection: name }, 'rows could not be audited; tried again')
    }
  }

  private note(
    name: string,
    seen: { checked: number; drifted: readonly DriftedRow[]; driftedRows: number; healed: number },
  ): void {
    const before = this.found.get(name)
    const last = seen.drifted.at(-1)
    this.found.set(name, {
      checkedRows: (before?.checkedRows ?? 0) + seen.checked,
      driftedRows: (before?.driftedRows ?? 0) + seen.driftedRows,
      healedRows: (before?.healedRows ?? 0) + seen.healed,
      lastDrift: last ? { row: last, at: new Date() } : before?.lastDrift,
    })
    this.options.metrics?.audited(name, seen.checked, seen.driftedRows)
    for (const { key, columns, healed } of seen.drifted) {
      // A row that nobody heals is found again and again.
      const row = `${name} ${key}`
      if (this.warned.has(row) || this.warned.size >= warnedAtMost) continue
      if (!healed) this.warned.add(row)
      this.options.logger.warn({ projection: name, key, columns, healed }, 'a row is not what the log says')
    }
  }
}

/** @throws {ProjectionDefinitionError} */
export function checkAudit(projections: readonly Projection[], { rowsPerMinute }: AuditOptions): void {
  if (rowsPerMinute > 0 && rowsPerMinute <= 60_000) return
  throw new ProjectionDefinitionError(
    projections[0]?.name ?? '',
    `${rowsPerMinute} of its rows cannot be audited per minute: above 0, at most 60000`,
  )
}
