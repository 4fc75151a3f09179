import type { AnyAggregate, EventOf, RecordedEvent } from '@tidemark/eventstore'
import type { z } from 'zod'
import { columnsOf, type Column } from './columns.js'
import { ProjectionDefinitionError } from './errors.js'
import { poisonRulesOf, type PoisonRules } from './poison/poison-rules.js'
import { checkName, checkShards, checkVersion, listOf } from './definition-checks.js'

/** The key of a row. */
export type RowKey = string | number

/** How a column may be compared in a query. */
export type FilterOperator = 'eq' | 'in' | 'gte' | 'lte' | 'gt' | 'lt'

/** What queries may ask of a read model; every column named here gets an index. */
export interface QueryRules<Property extends string = string> {
  readonly filter?: { readonly [P in Property]?: readonly FilterOperator[] }
  readonly sort?: readonly Property[]
}

type OneOrMore<A extends AnyAggregate> = A | readonly A[]
type Members<From> = From extends readonly (infer A)[] ? A : From
type EventsFrom<A> = A extends AnyAggregate ? EventOf<A['events']> : never

/** The events of an aggregate, or of several. */
export type EventFrom<From extends OneOrMore<AnyAggregate>> = EventsFrom<Members<From>>

/** The properties of a row that may be its key. */
export type KeyProperty<Schema extends z.ZodObject> = {
  [P in keyof z.output<Schema> & string]: z.output<Schema>[P] extends RowKey ? P : never
}[keyof z.output<Schema> & string]

/** The events of given types. */
type EventOfType<From extends OneOrMore<AnyAggregate>, Type> = Extract<EventFrom<From>, { readonly type: Type }>

/**
 * What each type of event does to a row: the row before, null where there is none, becomes the row after; null takes it away.
 *
 * Handlers are pure: they change nothing in place, and give the same for the same. The third argument is the key.
 */
export type RowHandlers<Row, From extends OneOrMore<AnyAggregate>, Types extends EventFrom<From>['type']> = {
  readonly [Type in Types]: (
    row: Readonly<Row> | null,
    event: EventOfType<From, Type>,
    key: RowKey,
  ) => NoInfer<Row> | null | LiteralsKept
}

/**
 * Nothing is of this type. As part of a return type it makes TypeScript keep `'placed'` as a literal where it would widen it to
 * `string`, because the row's type is not known yet at that moment of inference.
 */
interface LiteralsKept {
  readonly [nothingHasThis]: never
  readonly [key: string]: '' | 0 | 0n | boolean | null | undefined | LiteralsKept | readonly LiteralsKept[]
}
declare const nothingHasThis: unique symbol

/** What {@link defineProjection} takes. */
export interface ProjectionDefinition<
  Name extends string,
  Schema extends z.ZodObject,
  From extends OneOrMore<AnyAggregate>,
  Types extends EventFrom<From>['type'],
> {
  /** In kebab-case: `order-summary`. The view in Postgres is `order_summary`. */
  readonly name: Name
  /** A whole number from 1; raise it when the schema or the meaning of a handler changes, and rebuild. */
  readonly version: number
  /** The shape of a row; its properties are the columns. */
  readonly schema: Schema
  /** The property that holds the key of a row. */
  readonly key: KeyProperty<Schema>
  /** The aggregate, or a list of them, and what their events do; events without a handler are not read. */
  readonly on: readonly [From, RowHandlers<z.output<Schema>, From, Types>]
  /** The rows that an event touches: one, several, or none (null). The id of the event's aggregate unless given. */
  readonly keyOf?: (event: EventOfType<From, NoInfer<Types>>) => RowKey | readonly RowKey[] | null
  /**
   * How many parts of the events are followed apart, each by whichever process has time; 1 unless given. It holds for tables that are made from then on:
   * rebuild to change it.
   */
  readonly shards?: number
  /** What becomes of an event that it keeps failing on; the projection stops unless given. */
  readonly poison?: PoisonRules
  /** What queries may filter and sort by; nothing unless given. */
  readonly api?: QueryRules<keyof z.output<Schema> & string>
}

// Methods compare their parameters both ways, so that a projection of any row fits.
type AnyRowHandler = { method(row: unknown, event: RecordedEvent, key: RowKey): unknown }['method']
type AnyKeyOf = { method(event: RecordedEvent): RowKey | readonly RowKey[] | null }['method']

/** A read model, as {@link defineProjection} returns it. */
export interface Projection<Name extends string = string, Schema extends z.ZodObject = z.ZodObject> {
  readonly kind: 'read-model'
  readonly name: Name
  readonly version: number
  readonly schema: Schema
  readonly key: string
  readonly columns: readonly Column[]
  readonly aggregates: readonly AnyAggregate[]
  /** By event type. */
  readonly handlers: ReadonlyMap<string, AnyRowHandler>
  readonly keyOf: AnyKeyOf
  /** Whether a row has the events of one stream, so that streams can be shared out; rows are where it has those of several. */
  readonly keyedByStream: boolean
  readonly shards: number
  readonly poison: Required<PoisonRules>
  /** What says which rows an event touches: the id of its aggregate, so that a row has streams of that id, or `keyOf`. */
  readonly keyFrom: 'aggregate-id' | 'event'
  readonly api: QueryRules
}

/** The row of a projection. */
export type RowOf<P extends Projection> = z.output<P['schema']>

/**
 * Defines a read model: a pure fold of events into rows, one row per key.
 *
 * The columns come from the zod schema: strings, enums → text; numbers → double precision; `z.int()` → bigint as a number;
 * `z.bigint()` → bigint; booleans; dates → timestamptz; anything else → jsonb, where objects do not keep the order of their
 * properties.
 *
 * @throws {ProjectionDefinitionError} a name, the key, a column, a handler or a query rule is unusable.
 *
 * @example
 * import { defineAggregate, event } from '@tidemark/eventstore'
 * const Counter = defineAggregate({
 *   name: 'counter',
 *   initialState: () => ({}),
 *   events: { Added: event(z.object({ amount: z.number() })), Reset: event(z.object({})) },
 *   evolve: { Added: (state) => state, Reset: (state) => state },
 *   commands: () => ({}),
 * })
 * const counterTotals = defineProjection({
 *   name: 'counter-totals',
 *   version: 1,
 *   schema: z.object({ counterId: z.string(), total: z.number() }),
 *   key: 'counterId',
 *   on: [Counter, {
 *     Added: (row, { aggregateId, data }) => ({ counterId: aggregateId, total: (row?.total ?? 0) + data.amount }),
 *     Reset: () => null,
 *   }],
 *   api: { filter: { total: ['gte', 'lte'] }, sort: ['total'] },
 * })
 */
export function defineProjection<
  const Name extends string,
  Schema extends z.ZodObject,
  const From extends OneOrMore<AnyAggregate>,
  Types extends EventFrom<From>['type'],
>(definition: ProjectionDefinition<Name, Schema, From, Types>): Projection<Name, Schema> {
  const { name, version, schema, key, on, keyOf, shards = 1, api = {} } = definition
  checkName(name)
  checkVersion(name, version)
  checkShards(name, shards)
  const columns = columnsOf(name, schema)
  const keyColumn = keyColumnOf({ name, columns, key })
  if (keyColumn.nullable || !['string', 'int', 'number'].includes(keyColumn.kind))
    throw new ProjectionDefinitionError(name, `its key ${key} must be a string or a number that is always there`)
  if (keyColumn.kind !== 'string' && !keyOf)
    throw new ProjectionDefinitionError(name, `its key ${key} is a number and aggregates have text ids: give keyOf`)
  checkQueryRules(name, columns, api)
  const [from, handlers] = on
  const aggregates = listOf<AnyAggregate>(from)
  const byType = new Map(Object.entries(handlers as Readonly<Record<string, AnyRowHandler>>))
  if (byType.size === 0) throw new ProjectionDefinitionError(name, 'it has no handler')
  for (const type of byType.keys()) {
    if (!aggregates.some(({ events }) => Object.hasOwn(events, type))) {
      const known = aggregates.flatMap(({ events }) => Object.keys(events))
      throw new ProjectionDefinitionError(
        name,
        `none of its aggregates has an event ${type}: there is ${known.join(', ')}`,
      )
    }
  }
  const readKey = (keyOf as AnyKeyOf | undefined) ?? ((event: RecordedEvent) => event.aggregateId)
  return {
    kind: 'read-model',
    ...{ name, version, schema, key, columns, aggregates, api: api },
    handlers: byType,
    keyOf: readKey,
    keyedByStream: !keyOf && aggregates.length === 1,
    shards,
    poison: poisonRulesOf(name, definition.poison),
    keyFrom: keyOf ? 'event' : 'aggregate-id',
  }
}

/** The column of a projection's key. */
export function keyColumnOf({ name, columns, key }: Pick<Projection, 'name' | 'columns' | 'key'>): Column {
  const column = columns.find(({ property }) => property === key)
  if (!column) throw new ProjectionDefinitionError(name, `its schema has no property ${key} that could be the key`)
  return column
}

/** The columns of a projection that queries filter or sort by, each once. */
export function queriedColumnsOf({ columns, api }: Pick<Projection, 'columns' | 'api'>): Column[] {
  const queried = new Set([...Object.keys(api.filter ?? {}), ...(api.sort ?? [])])
  return columns.filter(({ property }) => queried.has(property))
}

function checkQueryRules(name: string, columns: readonly Column[], api: QueryRules): void {
  for (const property of [...Object.keys(api.filter ?? {}), ...(api.sort ?? [])]) {
    const column = columns.find((candidate) => candidate.property === property)
    if (!column) throw new ProjectionDefinitionError(name, `its api names ${property}, which its schema does not have`)
    if (column.kind === 'json')
      throw new ProjectionDefinitionError(name, `its api names ${property}, which is JSON and has no order`)
  }
}
