import type { z } from 'zod'
import { ConfigurationError } from './errors.js'
import { checkSnapshotPolicy, type SnapshotPolicy } from './snapshot-policy.js'
import type { EventMetadata, NewEvent, RecordedEvent } from './event.js'
import { presentTypesOf } from './event-types.js'
import { checkDeclaration, type PersonalDeclaration, type PersonalFieldsOfEvent } from './personal-data/declaration.js'

/** One kind of event of an aggregate: its schema now, and how older data becomes newer. */
export interface EventDefinition<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  readonly version: number
  readonly upcast: Readonly<Record<number, Upcaster>>
  /** The types that it was stored under before it was renamed. */
  readonly formerly: readonly string[]
  /** What of its data is encrypted, and under whose key. */
  readonly personal: PersonalFieldsOfEvent | undefined
}

/** Turns the data of schema version n into the data of version n + 1. */
export type Upcaster = (data: Record<string, unknown>) => unknown

export interface EventOptions<Data = unknown> {
  /** The version of the schema, 1 unless said; raise it when the shape changes. */
  readonly version?: number
  /** For each older version the step to the next: `{ 1: (v1) => v2, 2: (v2) => v3 }`. */
  readonly upcast?: Readonly<Record<number, Upcaster>>
  /**
   * Names that this type had: events stored under one are read as this type, their schema versions on the same chain.
   *
   * A type that is renamed while older code still runs takes two deployments: `docs/guides/schema-evolution.md`.
   */
  readonly formerly?: readonly string[]
  /**
   * Fields that are stored encrypted under a key of the person whom they are about, until that person is forgotten.
   *
   * Keep the declaration as long as such events are in the log: `docs/guides/personal-data.md`.
   */
  readonly personal?: PersonalDeclaration<Data>
}

/**
 * Defines a kind of event by the zod schema of its data.
 *
 * @throws {ConfigurationError} an older version has no upcaster, so its events could not be read.
 *
 * @example
 * const OrderPlaced = event(z.object({ total: z.number(), currency: z.string() }), {
 *   version: 2,
 *   upcast: { 1: (v1) => ({ ...v1, currency: 'EUR' }) },
 * })
 */
export function event<Schema extends z.ZodType>(
  schema: Schema,
  options: EventOptions<z.output<Schema>> = {},
): EventDefinition<Schema> {
  const { version = 1, upcast = {}, formerly = [], personal } = options
  if (!Number.isInteger(version) || version < 1)
    throw new ConfigurationError(`event schema version ${version} is not a whole number from 1`)
  for (let older = 1; older < version; older++) {
    if (!upcast[older])
      throw new ConfigurationError(
        `an event at schema version ${version} has no upcaster from ${older} to ${older + 1}`,
      )
  }
  return { schema, version, upcast, formerly, personal: personal && checkDeclaration(personal) }
}

/** What an aggregate says instead of events: no, and why. */
export interface Rejection {
  readonly rejected: true
  readonly code: string
  readonly reason: string
}

/** Refuses a command: `return reject('order-already-placed', 'the order is placed')`. */
export function reject(code: string, reason: string): Rejection {
  return { rejected: true, code, reason }
}

/** What a command may decide: one event, several, none, or a rejection. */
export type Decision<Event> = Event | readonly Event[] | Rejection

/** A command of an aggregate: the schema of its input, and the decision as a pure function. */
export interface CommandDefinition<State, Event, Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema
  decide(state: State, input: z.output<Schema>): Decision<Event>
}

/** Makes a command from the zod schema of its input and a pure decision; state and events are those of the aggregate. */
export type DefineCommand<State, Event> = <Schema extends z.ZodType>(
  schema: Schema,
  decide: (state: State, input: z.output<Schema>) => Decision<Event>,
) => CommandDefinition<State, Event, Schema>

export type EventDefinitions = Readonly<Record<string, EventDefinition>>

/** The events that an aggregate may append, as a union told apart by `type`. */
export type EventToAppend<Events extends EventDefinitions> = {
  [Type in keyof Events & string]: NewEvent<Type, z.input<Events[Type]['schema']>>
}[keyof Events & string]

/** The events of an aggregate as they are read, upcast to the newest schema. */
export type EventOf<Events extends EventDefinitions> = {
  [Type in keyof Events & string]: RecordedEvent<Type, z.output<Events[Type]['schema']>>
}[keyof Events & string]

/** What an aggregate's `evolve` sees of an event: enough to fold, and the same before and after it is stored. */
export interface EvolveEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  readonly data: Data
  readonly version: bigint
  readonly metadata: EventMetadata
}

/** What {@link defineAggregate} takes. */
export interface AggregateDefinition<Name extends string, State, Events extends EventDefinitions, Commands> {
  /** The category of its streams: letters, digits, `_` and `.`. */
  readonly name: Name
  readonly initialState: () => State
  readonly events: Events
  /** How each event changes the state. */
  readonly evolve: Evolve<State, Events>
  /** The commands, made with the function that is handed in, so that state and events are known to them. */
  readonly commands: (command: DefineCommand<State, EventToAppend<Events>>) => Commands
  readonly snapshot?: SnapshotPolicy
  /**
   * Types of events that were appended once and mean nothing any more: they are read and change nothing, and still count as versions.
   *
   * Raise the snapshot version when such an event used to change the state.
   */
  readonly retired?: readonly string[]
  /**
   * What reading does with a stored event of a type that is neither present, former nor retired: `fail` unless said.
   *
   * `ignore` folds over it, so a state can miss what newer code wrote. A known type at a newer schema version fails either way.
   */
  readonly unknownEvents?: UnknownEvents
}

/** What a fold does with events of unknown types. */
export type UnknownEvents = 'fail' | 'ignore'

type Evolve<State, Events extends EventDefinitions> = {
  readonly [Type in keyof Events & string]: (
    state: State,
    event: EvolveEvent<Type, z.output<Events[Type]['schema']>>,
  ) => NoInfer<State> | LiteralsKept
}

/**
 * Nothing is of this type. As part of a return type it makes TypeScript keep `'placed'` as a literal where it would widen it to
 * `string`, because the state's own type is not known yet at that moment of inference.
 */
interface LiteralsKept {
  readonly [nothingHasThis]: never
  readonly [key: string]: '' | 0 | 0n | boolean | null | undefined | LiteralsKept | readonly LiteralsKept[]
}
declare const nothingHasThis: unique symbol

/** An aggregate, as {@link defineAggregate} returns it. */
export interface Aggregate<Name extends string, State, Events extends EventDefinitions, Commands> {
  readonly name: Name
  readonly initialState: () => State
  readonly events: Events
  readonly evolve: Evolve<State, Events>
  readonly commands: Commands
  readonly snapshot: SnapshotPolicy | undefined
  readonly retired: readonly string[]
  readonly unknownEvents: UnknownEvents
}

/** Any aggregate, whatever its types: what functions take that infer the rest. */
export interface AnyAggregate {
  readonly name: string
  readonly initialState: () => unknown
  readonly events: EventDefinitions
  readonly evolve: Readonly<Record<string, AnyEvolve>>
  readonly commands: Readonly<Record<string, AnyCommand>>
  readonly snapshot: SnapshotPolicy | undefined
  readonly retired: readonly string[]
  readonly unknownEvents: UnknownEvents
}

// Methods compare their parameters both ways, so that an aggregate of any state fits.
interface AnyCommand {
  readonly schema: z.ZodType
  decide(state: unknown, input: unknown): Decision<NewEvent>
}
type AnyEvolve = { method(state: unknown, event: EvolveEvent): unknown }['method']

/** The state of an aggregate. */
export type StateOf<A extends AnyAggregate> = ReturnType<A['initialState']>
/** The name of one of its commands. */
export type CommandName<A extends AnyAggregate> = keyof A['commands'] & string
/** The input of one of its commands. */
export type CommandInput<A extends AnyAggregate, Name extends CommandName<A>> = z.input<A['commands'][Name]['schema']>

/**
 * Defines an aggregate: its events, how they change its state, and the commands that decide on new ones.
 *
 * All functions are pure: they may be called again at any time. The name is the category of its streams, so it has no dash.
 *
 * @throws {ConfigurationError} the name or the snapshot policy is unusable, or an event type has two meanings.
 *
 * @example
 * const Counter = defineAggregate({
 *   name: 'counter',
 *   initialState: () => ({ value: 0 }),
 *   events: { Added: event(z.object({ amount: z.number() })) },
 *   evolve: { Added: (state, { data }) => ({ value: state.value + data.amount }) },
 *   commands: (command) => ({
 *     add: command(z.object({ amount: z.number() }), (_state, input) => ({ type: 'Added', data: input })),
 *   }),
 * })
 */
export function defineAggregate<const Name extends string, State, Events extends EventDefinitions, Commands>(
  definition: AggregateDefinition<Name, State, Events, Commands>,
): Aggregate<Name, State, Events, Commands> {
  const { name, snapshot, retired = [], unknownEvents = 'fail' } = definition
  if (!/^[A-Za-z][A-Za-z0-9_.]{0,99}$/.test(name)) {
    throw new ConfigurationError(
      `aggregate name ${JSON.stringify(name)} is not usable: letters, digits, _ and ., at most 100, no dash`,
    )
  }
  if (snapshot) checkSnapshotPolicy(name, snapshot)
  const commands = definition.commands((schema, decide) => ({ schema, decide }))
  const aggregate = { ...definition, snapshot, commands, retired, unknownEvents }
  // Found when the program starts, not when such an event is read.
  presentTypesOf(aggregate)
  return aggregate
}
