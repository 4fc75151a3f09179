import { storedTypesOf, type AnyAggregate, type LogFilter } from '@tidemark/eventstore'
import type { AnyProjection } from '@tidemark/projections'
import type { AdminBridge } from './admin-bridge.js'

/** What reads events beside projections and bridges, such as a consumer of the topics. */
export interface EventConsumer {
  readonly name: string
  /** The types of events that it handles. */
  readonly types: Iterable<string>
}

/** Who appends a type of event, and who reads it, by what is in code. */
export interface EventTypeUse {
  readonly category: string
  readonly type: string
  readonly schemaVersion: number
  /** Former names that stored events may have. */
  readonly formerly: readonly string[]
  /** The paths of personal fields. */
  readonly personal: readonly string[]
  readonly projections: readonly string[]
  readonly bridges: readonly string[]
  readonly consumers: readonly string[]
}

/** The types of events of some aggregates, with who reads each. */
export function eventTypesOf(
  aggregates: readonly AnyAggregate[],
  projections: readonly AnyProjection[],
  bridges: readonly Pick<AdminBridge, 'name' | 'filter'>[],
  consumers: readonly EventConsumer[],
): EventTypeUse[] {
  return aggregates.flatMap((aggregate) =>
    Object.entries(aggregate.events).map(([type, { version, formerly, personal }]) => ({
      ...{ category: aggregate.name, type, schemaVersion: version, formerly: [...formerly] },
      personal: personal?.fields.map(({ path }) => path.join('.')) ?? [],
      projections: projections
        .filter((projection) => projection.aggregates.some(({ name }) => name === aggregate.name))
        .filter((projection) => handles(projection, type))
        .map(({ name }) => name),
      bridges: bridges.filter(({ filter }) => passes(filter, aggregate, type)).map(({ name }) => name),
      consumers: consumers.filter(({ types }) => [...types].includes(type)).map(({ name }) => name),
    })),
  )
}

function handles(projection: AnyProjection, type: string): boolean {
  return projection.kind === 'read-model' ? projection.handlers.has(type) : projection.types.includes(type)
}

function passes({ categories, types }: LogFilter, aggregate: AnyAggregate, type: string): boolean {
  if (categories && !categories.includes(aggregate.name)) return false
  return !types || storedTypesOf([aggregate], [type]).some((stored) => types.includes(stored))
}
