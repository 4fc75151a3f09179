import { UnstorableValueError } from './errors.js'

/** A value that JSON can hold and give back the same. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }

const maxDepth = 200

/**
 * Checks that a value comes back from the log exactly as it went in.
 *
 * Refused, with the path: `undefined` in arrays, NaN, infinities, -0, integers past 2^53, text with `\u0000` or a lone
 * surrogate, dates and other class instances, functions, symbols, bigints, sparse arrays, cycles (as nesting past 200). A
 * property that is `undefined` is as good as absent.
 *
 * @throws {UnstorableValueError}
 */
export function assertStorable(value: unknown, path = '$'): void {
  // Nearly every value is fine, so paths are only put together once one is not.
  if (!isStorable(value, 0)) explain(value, path, 0)
}

function isStorable(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      return isText(value)
    case 'boolean':
      return true
    case 'number':
      return isNumber(value)
    case 'object':
      if (value === null) return true
      if (depth >= maxDepth) return false
      return Array.isArray(value) ? isArray(value, depth) : isObject(value, depth)
    default:
      return false
  }
}

function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000')
}

function isNumber(number: number): boolean {
  if (number === 0) return !Object.is(number, -0)
  return Number.isFinite(number) && (Number.isSafeInteger(number) || !Number.isInteger(number))
}

function isArray(array: readonly unknown[], depth: number): boolean {
  // By index, for iteration passes over holes.
  for (let index = 0; index < array.length; index++) if (!isStorable(array[index], depth + 1)) return false
  return true
}

function isObject(object: object, depth: number): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key of Object.keys(object)) {
    const property = (object as Record<string, unknown>)[key]
    if (property !== undefined && !(isText(key) && isStorable(property, depth + 1))) return false
  }
  return true
}

/** Finds the first value at fault, and says where it is and why. */
function explain(value: unknown, path: string, depth: number): void {
  switch (typeof value) {
    case 'string':
      return assertText(value, path)
    case 'boolean':
      return
    case 'number':
      return assertNumber(value, path)
    case 'object':
      if (value === null) return
      if (depth >= maxDepth)
        throw new UnstorableValueError(path, `it is nested more than ${maxDepth} deep, or contains itself`)
      if (Array.isArray(value)) return assertArray(value, path, depth)
      return assertObject(value, path, depth)
    case 'undefined':
      throw new UnstorableValueError(path, 'it is undefined; use null')
    case 'bigint':
      throw new UnstorableValueError(path, 'it is a bigint; use a string')
    case 'function':
    case 'symbol':
      throw new UnstorableValueError(path, `it is a ${typeof value}`)
  }
}

function assertText(text: string, path: string): void {
  if (!text.isWellFormed()) throw new UnstorableValueError(path, 'the text has a lone surrogate')
  if (text.includes('\u0000')) throw new UnstorableValueError(path, 'the text has the character \\u0000')
}

function assertNumber(number: number, path: string): void {
  if (!Number.isFinite(number)) throw new UnstorableValueError(path, `it is ${number}`)
  if (Object.is(number, -0)) throw new UnstorableValueError(path, 'it is -0; use 0')
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    throw new UnstorableValueError(path, `the integer ${number} is past 2^53 and may have been rounded; use a string`)
  }
}

function assertArray(array: readonly unknown[], path: string, depth: number): void {
  for (let index = 0; index < array.length; index++) explain(array[index], `${path}[${index}]`, depth + 1)
}

function assertObject(object: object, path: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new UnstorableValueError(path, `it is a ${object.constructor.name}; store plain values, dates as ISO strings`)
  }
  for (const key of Object.keys(object)) {
    const property = (object as Record<string, unknown>)[key]
    if (property === undefined) continue
    const propertyPath = /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
    assertText(key, propertyPath)
    explain(property, propertyPath, depth + 1)
  }
}
