import { isDeepStrictEqual } from 'node:util'
import { failWith } from './fail-with.js'

type Whole = readonly unknown[] | Date | RegExp | ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>

/** A state of which any property may be left out, at any depth; arrays, maps, sets and dates are whole or not there. */
export type PartialState<State> = State extends Whole
  ? State
  : State extends object
    ? { readonly [Key in keyof State]?: PartialState<State[Key]> | undefined }
    : State

/** Asserts that a state has everything that is expected of it. */
export function assertState(actual: unknown, expected: unknown, what: string): void {
  const named = partNamedBy(expected, actual)
  if (!isDeepStrictEqual(named, expected)) failWith(`${what} is not as expected`, named, expected)
}

/** The part of a value that an expectation speaks of, so that a difference shows nothing else. */
function partNamedBy(expected: unknown, actual: unknown): unknown {
  if (!isPlainObject(expected) || !isPlainObject(actual)) return actual
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [
      key,
      partNamedBy(value, Object.hasOwn(actual, key) ? actual[key] : undefined),
    ]),
  )
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
