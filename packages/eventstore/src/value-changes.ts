import { jsonPointer } from './json-pointer.js'

/** A place at which two JSON values differ. */
export interface ValueChange {
  /** A JSON pointer; empty for the whole. */
  readonly path: string
  readonly change: 'added' | 'removed' | 'changed'
  readonly before?: unknown
  readonly after?: unknown
}

/**
 * Where two JSON values differ, as deep as they have the same shape; items of lists are compared by their index. Empty where they are the same.
 *
 * @example
 * const changes = valueChanges({ items: [1, 2] }, { items: [1, 3] }) // [{ path: '/items/1', change: 'changed', before: 2, after: 3 }]
 */
export function valueChanges(before: unknown, after: unknown, path: readonly string[] = []): ValueChange[] {
  if (Object.is(before, after)) return []
  const [one, other] = [membersOf(before), membersOf(after)]
  const alike = one && other && Array.isArray(before) === Array.isArray(after)
  if (!alike) return [{ path: jsonPointer(path), change: 'changed', before, after }]
  const keys = [...new Set([...one.keys(), ...other.keys()])]
  return keys.flatMap((key): ValueChange[] => {
    const inner = [...path, key]
    if (!other.has(key)) return [{ path: jsonPointer(inner), change: 'removed', before: one.get(key) }]
    if (!one.has(key)) return [{ path: jsonPointer(inner), change: 'added', after: other.get(key) }]
    return valueChanges(one.get(key), other.get(key), inner)
  })
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined
}
