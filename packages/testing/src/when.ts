import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { fold, type AnyAggregate, type NewEvent, type StateOf } from '@tidemark/eventstore'
import { assertState, type PartialState } from './assert-state.js'
import { decide, describeOutcome, typesOf, type Outcome } from './decide.js'
import { failWith } from './fail-with.js'
import type { ExpectedEvent } from './given-event.js'
import { storedEvents } from './stored-events.js'

/** What the aggregate was like when the command came. */
export interface Before<State> {
  readonly state: State
  readonly version: number
}

/** A command that an aggregate has decided on; say what it should have decided. */
export class When<A extends AnyAggregate> {
  private readonly outcome: Outcome
  private readonly command: string

  /** @internal Use {@link given}. */
  constructor(
    private readonly aggregate: A,
    private readonly before: Before<StateOf<A>>,
    name: string,
    input: unknown,
  ) {
    this.command = `${aggregate.name}.${name}`
    this.outcome = decide(aggregate, before.state, name, input)
  }

  /**
   * Asserts that the command decided on exactly these events, in this order; none for a command that changes nothing.
   *
   * Types and data are compared, as the store would keep them: defaults of the schemas are filled in on both sides.
   *
   * @throws {AssertionError} it decided otherwise, was rejected or invalid, or an event does not match its schema.
   */
  then(...expected: readonly ExpectedEvent<A['events']>[]): Decided<StateOf<A>> {
    // An object with a method of this name is taken for a promise when it is awaited or returned to a test runner.
    const [first, onRejected] = expected as readonly unknown[]
    if (typeof first === 'function') {
      const error = new AssertionError({
        message: `${this.command}: the test ends with when(), say what follows by then(), thenRejected() or thenState()`,
      })
      if (typeof onRejected !== 'function') throw error
      const reject = onRejected as (error: unknown) => void
      reject(error)
      return new Decided(this.before.state, this.command)
    }
    const decided = this.decided(expected.length === 0 ? 'no event' : typesOf(expected))
    const after = this.before.version
    const actual = plain(storedEvents(this.aggregate, decided, { after, which: 'decided' }))
    const wanted = plain(storedEvents(this.aggregate, expected, { after, which: 'expected' }))
    if (!isDeepStrictEqual(actual, wanted)) failWith(`${this.command} decided on other events`, actual, wanted)
    return new Decided(this.stateAfter(decided), this.command)
  }

  /**
   * Asserts that the aggregate rejected the command with this code.
   *
   * @throws {AssertionError} it decided on events, the input was invalid, or the code is another.
   */
  thenRejected(code: string): void {
    const { outcome } = this
    if (outcome.kind !== 'rejected') this.disagree(`the rejection "${code}"`)
    else if (outcome.code !== code) {
      failWith(`${this.command} was rejected otherwise: ${outcome.reason}`, outcome.code, code)
    }
  }

  /**
   * Asserts that the input does not match the command's schema; with a JSON path such as `$.items[0]`, that it is at fault there.
   *
   * @throws {AssertionError} the input was accepted, or is at fault elsewhere only.
   */
  thenInvalid(path?: string): void {
    const { outcome } = this
    if (outcome.kind !== 'invalid') this.disagree('an invalid input')
    else if (path !== undefined && !outcome.issues.some((issue) => issue.path === path)) {
      this.disagree(`an invalid input at ${path}`)
    }
  }

  /**
   * Asserts what the decided events made of the aggregate, whatever they are; what is left out of `expected` may be anything.
   *
   * @throws {AssertionError} the state is another, or the command was rejected or invalid.
   */
  thenState(expected: PartialState<StateOf<A>>): void {
    new Decided(this.stateAfter(this.decided('events')), this.command).thenState(expected)
  }

  private decided(expected: string): readonly NewEvent[] {
    return this.outcome.kind === 'decided' ? this.outcome.events : this.disagree(expected)
  }

  private stateAfter(decided: readonly NewEvent[]): StateOf<A> {
    const { state, version } = this.before
    return fold(this.aggregate, state, storedEvents(this.aggregate, decided, { after: version, which: 'decided' }))
  }

  private disagree(expected: string): never {
    const message = `${this.command} ${describeOutcome(this.outcome)}; expected ${expected}`
    throw new AssertionError({ message, actual: this.outcome, expected })
  }
}

/** A command whose events were as expected. */
export class Decided<State> {
  /** @internal */
  constructor(
    private readonly state: State,
    private readonly command: string,
  ) {}

  /** Asserts what the events made of the aggregate; see {@link When.thenState}. */
  thenState(expected: PartialState<State>): void {
    assertState(this.state, expected, `the state after ${this.command}`)
  }
}

function plain(events: readonly { readonly type: string; readonly data: unknown }[]) {
  return events.map(({ type, data }) => ({ type, data }))
}
