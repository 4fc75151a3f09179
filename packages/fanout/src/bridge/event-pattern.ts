import type { RecordedEvent } from '@tidemark/eventstore'
import { BridgeConfigurationError } from '../errors.js'

type Scalar = string | number | boolean | null

/** A test of one value: text by its beginning, or a number by its range; all that is said must hold. */
export type ValueTest =
  | { readonly prefix: string }
  | { readonly gt?: number; readonly gte?: number; readonly lt?: number; readonly lte?: number }

/** What a field must be: this value, something that passes a test, any of a list of both, or an object with such fields. */
export type FieldPattern = Scalar | ValueTest | readonly (Scalar | ValueTest)[] | FieldPatterns

/** Patterns by the names of fields; every one of them must hold. */
export interface FieldPatterns {
  readonly [field: string]: FieldPattern
}

/**
 * Which events are meant, by their content; all that is said must hold. In the style of EventBridge's event patterns.
 *
 * It looks at data as stored: an old event has the fields of its time, and what is personal is ciphertext. A field that holds an array matches where one
 * of its elements does. Objects whose fields are all named like tests (`prefix`, `gt`, `gte`, `lt`, `lte`) are tests.
 */
export interface EventPattern {
  /** The event's type, as stored. */
  readonly type?: string | ValueTest | readonly (string | ValueTest)[]
  /** The aggregate's name. */
  readonly aggregate?: string | ValueTest | readonly (string | ValueTest)[]
  readonly tenant?: string | ValueTest | readonly (string | ValueTest)[]
  readonly data?: FieldPatterns
  readonly metadata?: FieldPatterns
}

type Test = (value: unknown) => boolean

const parts: Readonly<Record<keyof EventPattern, (event: RecordedEvent) => unknown>> = {
  type: ({ type }) => type,
  aggregate: ({ category }) => category,
  tenant: ({ tenant }) => tenant,
  data: ({ data }) => data,
  metadata: ({ metadata }) => metadata,
}

const comparisons: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  gt: (value, limit) => value > limit,
  gte: (value, limit) => value >= limit,
  lt: (value, limit) => value < limit,
  lte: (value, limit) => value <= limit,
}

const testNames: ReadonlySet<string> = new Set(['prefix', ...Object.keys(comparisons)])

/**
 * Makes the test of a pattern, or of several of which any may hold.
 *
 * @throws {BridgeConfigurationError} a pattern cannot be understood; the message names the place.
 */
export function compilePattern(
  bridge: string,
  place: string,
  pattern: EventPattern | readonly EventPattern[],
): (event: RecordedEvent) => boolean {
  const refuse = (where: string, what: string) => new BridgeConfigurationError(`bridge "${bridge}": ${where} ${what}`)
  const all: readonly EventPattern[] = Array.isArray(pattern) ? pattern : [pattern as EventPattern]
  if (all.length === 0) throw refuse(place, 'is empty, so nothing would match: leave it out')
  const tests = all.map((each, index) => {
    const at = all.length > 1 ? `${place}[${index}]` : place
    if (!isPlainObject(each)) throw refuse(at, 'is not an object such as { type: "OrderPlaced" }')
    const compiled = Object.entries(each).map(([name, wanted]) => {
      if (!Object.hasOwn(parts, name)) throw refuse(`${at}.${name}`, `is not one of ${Object.keys(parts).join(', ')}`)
      const test = compileField(`${at}.${name}`, wanted, refuse)
      const partOf = parts[name as keyof EventPattern]
      return (event: RecordedEvent) => test(partOf(event))
    })
    if (compiled.length === 0) throw refuse(at, 'says nothing: name a type, or fields of data')
    return (event: RecordedEvent) => compiled.every((test) => test(event))
  })
  return (event) => tests.some((test) => test(event))
}

type Refuse = (place: string, what: string) => BridgeConfigurationError

function compileField(place: string, wanted: unknown, refuse: Refuse): Test {
  if (Array.isArray(wanted)) {
    if (wanted.length === 0) throw refuse(place, 'is an empty list, so nothing would match')
    const tests = wanted.map((each, index) => compileField(`${place}[${index}]`, each, refuse))
    return (value) => tests.some((test) => test(value))
  }
  if (isPlainObject(wanted)) return compileObject(place, wanted, refuse)
  if (wanted !== null && !['string', 'number', 'boolean'].includes(typeof wanted))
    throw refuse(place, `cannot be of type ${typeof wanted}: give a value, a list of values, a test, or fields`)
  return ofElements((value) => value === wanted)
}

function compileObject(place: string, wanted: Readonly<Record<string, unknown>>, refuse: Refuse): Test {
  const names = Object.keys(wanted)
  if (names.length === 0) throw refuse(place, 'says nothing')
  const tests = names.filter((name) => testNames.has(name))
  if (tests.length === names.length) return compileTests(place, wanted, refuse)
  if (tests.length > 0)
    throw refuse(place, `mixes the test "${tests.join(', ')}" with fields: use a function for fields of that name`)
  const fields = Object.entries(wanted).map(
    ([name, each]) => [name, compileField(`${place}.${name}`, each, refuse)] as const,
  )
  return ofElements(
    (value) => isPlainObject(value) && fields.every(([name, test]) => Object.hasOwn(value, name) && test(value[name])),
  )
}

function compileTests(place: string, wanted: Readonly<Record<string, unknown>>, refuse: Refuse): Test {
  const tests = Object.entries(wanted).map(([name, limit]): Test => {
    const compare = comparisons[name]
    if (!compare) {
      if (typeof limit !== 'string') throw refuse(`${place}.${name}`, 'is not text')
      return (value) => typeof value === 'string' && value.startsWith(limit)
    }
    if (typeof limit !== 'number' || Number.isNaN(limit)) throw refuse(`${place}.${name}`, 'is not a number')
    return (value) => typeof value === 'number' && compare(value, limit)
  })
  return ofElements((value) => tests.every((test) => test(value)))
}

function ofElements(test: Test): Test {
  return (value) => (Array.isArray(value) ? value.some(test) : test(value))
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
