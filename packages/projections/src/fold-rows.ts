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
import type { Row } from './row.js'
import { isInShard } from './shard.js'

/** An event, upcast, and the rows that it touches. */
export interface Step {
  readonly event: RecordedEvent
  readonly keys: readonly RowKey[]
}

/** What a batch makes of the rows. */
export interface RowChanges {
  readonly upserts: readonly Row[]
  readonly deletes: readonly RowKey[]
}

/** Folds events into rows in memory; whatever it gives depends on the events and the rows before, and on no batch. */
export class RowFold {
  private readonly aggregates: ReadonlyMap<string, AnyAggregate>
  private readonly nullables: readonly Column[]

  constructor(
    private readonly projection: Projection,
    /** Only the rows of this part, where streams cannot be shared out. */
    private readonly rowShard?: LogShard,
  ) {
    this.aggregates = new Map(projection.aggregates.map((aggregate) => [aggregate.name, aggregate]))
    this.nullables = projection.columns.filter(({ nullable }) => nullable)
  }

  /**
   * Brings events to their newest schema, and says which rows each touches.
   *
   * @throws {UnknownEventError} @throws {HandlerFailedError}
   */
  plan(events: readonly RecordedEvent[]): Step[] {
    const { keyOf, name, handlers } = this.projection
    const steps: Step[] = []
    for (const stored of events) {
      const aggregate = this.aggregates.get(stored.category)
      if (!aggregate || !wants(aggregate, stored, handlers)) continue
      const event = upcastFor(name, aggregate, stored)
      if (!event) continue
      let keys: RowKey | readonly RowKey[] | null
      try {
        keys = keyOf(event)
      } catch (error) {
        throw new HandlerFailedError(name, event, error)
      }
      if (keys === null) continue
      const touched = typeof keys === 'object' ? [...new Set(keys)] : [keys]
      const own = this.rowShard ? touched.filter((key) => isInShard(key, this.rowShard)) : touched
      if (own.length > 0) steps.push({ event, keys: own })
    }
    return steps
  }

  /**
   * Applies steps in order to the rows of their keys. The map is changed: it holds the rows after, null for a row that is gone.
   *
   * @throws {HandlerFailedError} @throws {InvalidRowError}
   */
  apply(steps: readonly Step[], rows: Map<RowKey, Row | null>): RowChanges {
    const before = new Map<RowKey, Row | null>()
    for (const { event, keys } of steps) {
      for (const key of keys) {
        const row = rows.get(key) ?? null
        if (!before.has(key)) before.set(key, row)
        rows.set(key, this.next(row, event, key))
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

/** Whether an event is of a type that is wanted: its present one, so that a former name of one aggregate may be another's own. */
export function wants(
  aggregate: AnyAggregate,
  { type }: RecordedEvent,
  wanted: { has(type: string): boolean },
): boolean {
  return wanted.has(presentTypesOf(aggregate).get(type) ?? type)
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
