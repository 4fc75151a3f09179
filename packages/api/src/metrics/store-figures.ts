import { selectWaitingAges, type EventStore, type OperableStatus } from '@tidemark/eventstore'
import { listProjections, type AnyProjection, type ProjectionStore } from '@tidemark/projections'
import type * as Prometheus from 'prom-client'
import { selectParkedCounts } from './sql/select-parked-counts.js'
import { selectWaitingCommands } from './sql/select-waiting-commands.js'

/** A bridge as far as it is measured, as `listBridges` of `@tidemark/fanout` tells it. */
export type BridgeFigures = Pick<OperableStatus, 'name' | 'state' | 'lag'> & {
  readonly lagMs: number
  readonly oldestUnsentMs: number
  readonly parkedKeys: number
  readonly parkedEvents: number
}

/** What is looked at. */
export interface MeasuredStore {
  readonly store: EventStore
  readonly readModels: ProjectionStore
  readonly projections: readonly AnyProjection[]
  readonly bridges: (() => Promise<readonly BridgeFigures[]>) | undefined
}

/** Figures that the database knows: the same from every process, so alerts take the largest. */
export class StoreFigures {
  private readonly looks: Readonly<Record<string, () => Promise<void>>>
  private readonly failed: Prometheus.Gauge<'look'>

  /** Names and labels are those of the figures that OpenTelemetry's exporter for Prometheus writes, so that the same alerts do. */
  constructor({ Gauge }: typeof Prometheus, registry: Prometheus.Registry, measured: MeasuredStore) {
    const { store, readModels, projections, bridges } = measured
    const schema = store.database.schema
    const gauge = <Label extends string = never>(name: string, help: string, ...labels: Label[]) => {
      const labelNames = ['tidemark_schema' as const, ...labels]
      return new Gauge({ name: `tidemark_${name}`, help, labelNames, registers: [registry] })
    }
    const head = {
      position: gauge('head_position', 'the highest position that is safe to read'),
      lag: gauge('head_lag', 'positions that were taken and are not safe to read yet: an open append holds them'),
      held: gauge('head_held_seconds', 'how long the oldest event has waited that an open append keeps from readers'),
    }
    const ofProjection = {
      lag: gauge('projection_lag', 'how many positions a projection is behind the head', 'tidemark_projection'),
      lagTime: gauge(
        'projection_lag_time_seconds',
        'how long the oldest event that it has not handled has been in the log',
        'tidemark_projection',
      ),
      failed: gauge('projection_failed', '1 while it stands still at an error', 'tidemark_projection'),
      parked: gauge(
        'projection_parked_events',
        'events that it set aside, those that wait included',
        'tidemark_projection',
      ),
    }
    const ofBridge = {
      lag: gauge('bridge_lag', 'how many positions a bridge is behind the head', 'tidemark_bridge'),
      lagTime: gauge(
        'bridge_lag_time_seconds',
        'how long the oldest event that it has not come to has been in the log',
        'tidemark_bridge',
      ),
      unsent: gauge('bridge_oldest_unsent_seconds', 'the same with parked events', 'tidemark_bridge'),
      failed: gauge('bridge_failed', '1 while it stands still at an error', 'tidemark_bridge'),
      keys: gauge('bridge_parked_keys', 'keys of which events are parked', 'tidemark_bridge'),
      parked: gauge('bridge_parked_events', 'events that are parked', 'tidemark_bridge'),
    }
    const commands = {
      waiting: gauge('commands_waiting', 'commands that were accepted and wait to be executed'),
      oldest: gauge('commands_oldest_seconds', 'how long the oldest of them has waited'),
    }
    this.failed = new Gauge({
      name: 'tidemark_look_failed',
      help: '1 where the last look at the database failed, so that its figures are missing',
      labelNames: ['look'],
      registers: [registry],
    })
    const labels = { tidemark_schema: schema }

    const lookAtHead = async () => {
      const { position, lastPosition } = await store.log.head()
      head.position.set(labels, Number(position))
      head.lag.set(labels, Number(lastPosition - position))
      const ages = position < lastPosition ? await selectWaitingAges(store.database, [position]) : undefined
      head.held.set(labels, (ages?.get(position) ?? 0) / 1000)
    }
    const lookAtProjections = async () => {
      const [statuses, parked] = await Promise.all([
        listProjections(readModels, projections),
        selectParkedCounts(readModels.database),
      ])
      for (const { name, lag, lagMs, state } of statuses) {
        const own = { ...labels, tidemark_projection: name }
        ofProjection.lag.set(own, Number(lag))
        ofProjection.lagTime.set(own, lagMs / 1000)
        ofProjection.failed.set(own, state === 'failed' ? 1 : 0)
        ofProjection.parked.set(own, parked.get(name) ?? 0)
      }
    }
    const lookAtBridges = async () => {
      for (const { name, lag, lagMs, oldestUnsentMs, state, parkedKeys, parkedEvents } of (await bridges?.()) ?? []) {
        const own = { ...labels, tidemark_bridge: name }
        ofBridge.lag.set(own, Number(lag))
        ofBridge.lagTime.set(own, lagMs / 1000)
        ofBridge.unsent.set(own, oldestUnsentMs / 1000)
        ofBridge.failed.set(own, state === 'failed' ? 1 : 0)
        ofBridge.keys.set(own, parkedKeys)
        ofBridge.parked.set(own, parkedEvents)
      }
    }
    const lookAtCommands = async () => {
      const { count, oldestSeconds } = await selectWaitingCommands(store.database)
      commands.waiting.set(labels, count)
      commands.oldest.set(labels, oldestSeconds)
    }
    const all = [head, ofProjection, ofBridge, commands].flatMap((group) => Object.values<Prometheus.Gauge>(group))
    const reset = async () => all.forEach((one) => one.reset())
    this.looks = {
      reset,
      head: lookAtHead,
      projections: lookAtProjections,
      bridges: lookAtBridges,
      commands: lookAtCommands,
    }
  }

  /** Looks at the database, one after another so that it takes one connection; returns what failed. */
  async look(): Promise<readonly unknown[]> {
    const failures: unknown[] = []
    for (const [name, look] of Object.entries(this.looks)) {
      const failure = await look().then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      if (failure) failures.push(failure.error)
      if (name !== 'reset') this.failed.set({ look: name }, failure ? 1 : 0)
    }
    return failures
  }
}
