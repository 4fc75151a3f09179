import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const bytesPerId = 16
const pool = new Uint8Array(bytesPerId * 256)
let used = pool.length

/** Makes a UUIDv7; its random bytes are drawn for 256 ids at once, since each draw costs more than the id. */
export function generateId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return v7({ random: pool.subarray(used, (used += bytesPerId)) })
}
