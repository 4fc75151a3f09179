import type { AnyAggregate, RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { EventFrom } from './define-projection.js'
import { checkName, checkVersion, listOf } from './definition-checks.js'
import { ProjectionDefinitionError } from './errors.js'
import { poisonRulesOf, type PoisonRules } from './poison/poison-rules.js'

/** Why a handler is called. */
export interface HandlerContext {
  /** Whether it has had the events before, or may have. */
  readonly replay: boolean
  /** Whether what it does is to last. Where not, its transaction is rolled back, and it must do nothing else, such as send mail. */
  readonly sideEffects: boolean
}

/** What {@link defineHandler} takes. */
export interface HandlerDefinition<Name extends string, From extends AnyAggregate | readonly AnyAggregate[]> {
  /** In kebab-case. */
  readonly name: Name
  /** A whole number from 1; a new version has a new checkpoint, so it starts again at the first event. */
  readonly version: number
  /** The aggregate whose events it gets, or a list of them. */
  readonly on: From
  /** Only these types of events; all of the aggregates' unless given. */
  readonly types?: readonly EventFrom<From>['type'][]
  /** What becomes of an event that it keeps failing on; the handler stops unless given. */
  readonly poison?: PoisonRules
  /** Does its work in the transaction that moves the checkpoint; it must not commit or roll back. */
  readonly handle: (
    transaction: ClientBase,
    events: readonly EventFrom<From>[],
    context: HandlerContext,
  ) => Promise<void>
}

type AnyHandle = {
  method(transaction: ClientBase, events: readonly RecordedEvent[], context: HandlerContext): Promise<void>
}['method']

/** A raw handler, as {@link defineHandler} returns it. */
export interface ProjectionHandler<Name extends string = string> {
  readonly kind: 'handler'
  readonly name: Name
  readonly version: number
  readonly aggregates: readonly AnyAggregate[]
  readonly types: readonly string[]
  readonly poison: Required<PoisonRules>
  readonly handle: AnyHandle
}

/**
 * Defines a handler for what is no fold into rows: it gets batches of events, and a transaction that moves its checkpoint too.
 *
 * Its writes through `transaction` happen exactly once per event; anything else it does may happen again after a crash.
 * Tables that it writes to are its own affair.
 *
 * @throws {ProjectionDefinitionError} the name, the version or a type is unusable.
 *
 * @example
 * const audit = defineHandler({
 *   name: 'audit',
 *   version: 1,
 *   on: Counter,
 *   async handle(transaction, events) {
 *     for (const event of events) await transaction.query('insert into audit (event_id) values ($1)', [event.id])
 *   },
 * })
 */
export function defineHandler<const Name extends string, const From extends AnyAggregate | readonly AnyAggregate[]>(
  definition: HandlerDefinition<Name, From>,
): ProjectionHandler<Name> {
  const { name, version, on, handle } = definition
  checkName(name)
  checkVersion(name, version)
  const aggregates = listOf<AnyAggregate>(on)
  const known = aggregates.flatMap(({ events }) => Object.keys(events))
  const types: readonly string[] = definition.types ?? known
  const unknown = types.find((type) => !known.includes(type))
  if (unknown !== undefined)
    throw new ProjectionDefinitionError(
      name,
      `none of its aggregates has an event ${unknown}: there is ${known.join(', ')}`,
    )
  const poison = poisonRulesOf(name, definition.poison)
  return { kind: 'handler', name, version, aggregates, types, poison, handle: handle }
}
