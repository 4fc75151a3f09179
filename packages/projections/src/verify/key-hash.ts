import type { RowKey } from '../define-projection.js'
import { fnv1a } from '../shard.js'

/** One above the highest {@link keyHash}. */
export const hashEnd = 2 ** 32

/** Spreads keys evenly over the numbers from 0 to {@link hashEnd}: FNV-1a, mixed as MurmurHash3 ends. */
export function keyHash(key: RowKey): number {
  let hash = fnv1a(key)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
