import {
  presentTypesOf,
  upcast,
  UnknownEventError,
  type AnyAggregate,
  type LogShard,
  type RecordedEvent,
} from '@tidemark/eventstore'
import type { z } from 'zod'
import type { Column } from './columns.js'
import type { Projection, RowKey } from './define-projection.js'
import { HandlerFailedError, InvalidRowError } from './errors.js'
import type { Parking } from './poison/parking.js'
import type { Row } from './row.js'
import { isInShard } from './shard.js'
import type { RowChanges } from './sql/table-statements.js'
import { unstorable } from './unstorable.js'

/** An event, upcast, and the rows that it touches. */
export interface Step {
  readonly event: RecordedEvent
  readonly keys: readonly RowKey[]
  /** Why it could not be upcast, or its rows not be told; the event is as stored then. */
  readonly failure?: HandlerFailedError
}

/** The rows that steps touch, each once. */
export function keysOf(steps: readonly Step[]): RowKey[] {
  return [...new Set(steps.flatMap(({ keys }) => keys))]
}

/** Folds events into rows in memory; whatever it gives depends on the events and the rows before, and on no batch. */
export class RowFold {
  private readonly aggregates: ReadonlyMap<string, AnyAggregate>
  private readonly nullables: readonly Column[]
  /** Those with values that Postgres does not take. */
  private readonly refusable: readonly Column[]

  constructor(
    private readonly projection: Projection,
    /** Only the rows of this part, where streams cannot be shared out. */
    private readonly rowShard?: LogShard,
  ) {
    this.aggregates = new Map(projection.aggregates.map((aggregate) => [aggregate.name, aggregate]))
    this.nullables = projection.columns.filter(({ nullable }) => nullable)
    this.refusable = projection.columns.filter(({ kind }) => ['string', 'bigint', 'json'].includes(kind))
  }

  /**
   * Brings events to their newest schema, and says which rows each touches. An event that throws in that fails when it is applied.
   *
   * @throws {UnknownEventError}
   */
  plan(events: readonly RecordedEvent[]): Step[] {
    const { handlers } = this.projection
    const steps: Step[] = []
    for (const stored of events) {
      const aggregate = this.aggregates.get(stored.category)
      if (!aggregate || !wants(aggregate, stored, handlers)) continue
      try {
        const step = this.stepOf(aggregate, stored)
        if (step) steps.push(step)
      } catch (error) {
        if (!(error instanceof HandlerFailedError)) throw error
        steps.push({ event: stored, keys: [], failure: error })
      }
    }
    return steps
  }

  private stepOf(aggregate: AnyAggregate, stored: RecordedEvent): Step | undefined {
    const { keyOf, name } = this.projection
    const event = upcastFor(name, aggregate, stored)
    if (!event) return undefined
    let keys: RowKey | readonly RowKey[] | null
    try {
      keys = keyOf(event)
    } catch (error) {
      throw new HandlerFailedError(name, event, error)
    }
    if (keys === null) return undefined
    const touched = typeof keys === 'object' ? [...new Set(keys)] : [keys]
    const own = this.rowShard ? touched.filter((key) => isInShard(key, this.rowShard)) : touched
    return own.length > 0 ? { event, keys: own } : undefined
  }

  /**
   * Applies steps in order to the rows of their keys. The map is changed: it holds the rows after, null for a row that is gone.
   *
   * With a parking, events that fail go there, and the later ones of their streams; the rows are as if these had not been.
   *
   * @throws {HandlerFailedError} @throws {InvalidRowError}
   */
  apply(steps: readonly Step[], rows: Map<RowKey, Row | null>, parking?: Parking): RowChanges {
    const before = new Map<RowKey, Row | null>()
    for (const step of steps) {
      const { event, keys } = step
      if (parking?.holds(event, keys)) continue
      let made: readonly (Row | null)[]
      try {
        // All of an event's rows, or none.
        made = this.rowsAfter(step, rows)
      } catch (error) {
        if (!parking) throw error
        parking.take(event, keys, error)
        continue
      }
      for (const [index, key] of keys.entries()) {
        if (!before.has(key)) before.set(key, rows.get(key) ?? null)
        rows.set(key, made[index] ?? null)
      }
    }
    const upserts: Row[] = []
    const deletes: RowKey[] = []
    for (const [key, old] of before) {
      const row = rows.get(key) ?? null
      if (row === old) continue
      if (row) upserts.push(row)
      else deletes.push(key)
    }
    return { upserts, deletes }
  }

  private rowsAfter({ event, keys, failure }: Step, rows: ReadonlyMap<RowKey, Row | null>): (Row | null)[] {
    if (failure) throw failure
    return keys.map((key) => this.next(rows.get(key) ?? null, event, key))
  }

  private next(row: Row | null, event: RecordedEvent, key: RowKey): Row | null {
    const { name, handlers } = this.projection
    let made: unknown
    try {
      made = handlers.get(event.type)?.(row, event, key)
    } catch (error) {
      throw new HandlerFailedError(name, event, error)
    }
    if (made === null || made === row) return made as Row | null
    return this.checked(made, event, key)
  }

  /** Checked after each event and not once a batch, so that a row never depends on where a batch ended. */
  private checked(made: unknown, event: RecordedEvent, key: RowKey): Row {
    const { name, schema, key: keyProperty } = this.projection
    const refuse = (path: string, reason: string, options?: ErrorOptions): never => {
      throw new InvalidRowError({ projection: name, key, event, path }, reason, options)
    }
    const parsed = schema.safeParse(made)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      const reason = made === undefined ? 'it is undefined; return null to take the row away' : issue?.message
      return refuse(pathOf(issue), reason ?? 'it does not match the schema', { cause: parsed.error })
    }
    const row = parsed.data
    if (row[keyProperty] !== key)
      refuse(
        `$.${keyProperty}`,
        `the key is ${JSON.stringify(row[keyProperty])}, but the event is for ${JSON.stringify(key)}`,
      )
    for (const { property, kind } of this.refusable) {
      const reason = unstorable(row[property], kind)
      if (reason) refuse(`$.${property}${reason.path}`, reason.reason)
    }
    for (const { property, whenNull } of this.nullables) {
      if (row[property] !== undefined) continue
      // As it would come back from the table.
      if (whenNull === 'null') row[property] = null
      else Reflect.deleteProperty(row, property)
    }
    // A handler that changes its row in place fails at once, and not only where a batch ends.
    return Object.freeze(row)
  }
}

/**
 * Whether an event is of a type that is wanted: its present one, so that a former name of one aggregate may be another's own. A type that the aggregate
 * does not know is, for {@link upcastFor} to refuse.
 */
export function wants(
  aggregate: AnyAggregate,
  { type }: RecordedEvent,
  wanted: { has(type: string): boolean },
): boolean {
  const present = presentTypesOf(aggregate).get(type)
  return present === undefined || (present !== null && wanted.has(present))
}

/** Brings an event to its newest schema, undefined for one that is ignored; what an upcaster throws names the projection and the event. */
export function upcastFor(
  projection: string,
  aggregate: AnyAggregate,
  event: RecordedEvent,
): RecordedEvent | undefined {
  try {
    return upcast(aggregate, event)
  } catch (error) {
    if (error instanceof UnknownEventError) throw error
    throw new HandlerFailedError(projection, event, error)
  }
}

function pathOf(issue: z.core.$ZodIssue | undefined): string {
  const parts = issue?.path ?? []
  return `$${parts.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')}`
}
