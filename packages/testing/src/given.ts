import { fold, type AnyAggregate, type CommandInput, type CommandName, type StateOf } from '@tidemark/eventstore'
import { assertState, type PartialState } from './assert-state.js'
import type { GivenEvent } from './given-event.js'
import { storedEvents } from './stored-events.js'
import { When } from './when.js'

/**
 * Starts a test of an aggregate from the events of its past; none for one that is new.
 *
 * Each event is checked by its schema and stored as the store would; one with an older `schemaVersion` is upcast as it would be
 * when it is read, and one of a former or retired type has to say its `schemaVersion`. Ids, metadata and times are made up, the
 * same in every run. Pure: no database, no test framework.
 *
 * @throws {AssertionError} an event does not match its schema.
 *
 * @example
 * given(Order, { type: 'OrderPlaced', data: { items: ['book'] } })
 *   .when('ship', { trackingId: 't-1' })
 *   .then({ type: 'OrderShipped', data: { trackingId: 't-1' } })
 */
export function given<A extends AnyAggregate>(aggregate: A, ...events: readonly GivenEvent<A['events']>[]): Given<A> {
  return new Given(aggregate, events)
}

/** An aggregate with a past, on which a command can be tried. */
export class Given<A extends AnyAggregate> {
  private readonly version: number
  private readonly state: StateOf<A>

  /** @internal Use {@link given}. */
  constructor(
    private readonly aggregate: A,
    events: readonly GivenEvent<A['events']>[],
  ) {
    this.version = events.length
    const initial = aggregate.initialState() as StateOf<A>
    this.state = fold(aggregate, initial, storedEvents(aggregate, events, { after: 0, which: 'given' }))
  }

  /** Lets the aggregate decide on a command; what it decided is judged by what follows. */
  when<Name extends CommandName<A>>(command: Name, input: CommandInput<A, Name>): When<A> {
    return new When(this.aggregate, { state: this.state, version: this.version }, command, input)
  }

  /**
   * Asserts what the events made of the aggregate, without a command; what is left out of `expected` may be anything.
   *
   * @throws {AssertionError}
   */
  thenState(expected: PartialState<StateOf<A>>): void {
    assertState(this.state, expected, `the state of ${this.aggregate.name}`)
  }
}
