import { isDeepStrictEqual } from 'node:util'

/** Where two values differ. */
export interface Difference {
  /** A JSON path: `$.items[0].price`. */
  readonly path: string
  /** Undefined where there was nothing. */
  readonly before: unknown
  /** Undefined where there is nothing any more. */
  readonly after: unknown
}

/** Where two values differ, as deep as both have objects or lists; in the order of their properties. */
export function differences(before: unknown, after: unknown, path = '$'): Difference[] {
  if (isDeepStrictEqual(before, after)) return []
  const [old, now] = [entriesOf(before), entriesOf(after)]
  if (!old || !now || Array.isArray(before) !== Array.isArray(after)) return [{ path, before, after }]
  const keys = new Set([...old.keys(), ...now.keys()])
  return [...keys].flatMap((key) => differences(old.get(key), now.get(key), pathOf(path, key)))
}

function entriesOf(value: unknown): Map<string | number, unknown> | undefined {
  if (Array.isArray(value)) return new Map((value as unknown[]).map((item, index) => [index, item]))
  if (typeof value !== 'object' || value === null) return undefined
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null ? new Map(Object.entries(value)) : undefined
}

function pathOf(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}
