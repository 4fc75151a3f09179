import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const bytesPerId = 16
const pool = new Uint8Array(bytesPerId * 256)
let used = pool.length

/** Makes a UUIDv7 of a time, of now unless said; its random bytes are drawn for 256 ids at once, since each draw costs more than the id. */
export function generateId(at?: Date): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.subarray(used, (used += bytesPerId))
  return at ? v7({ random, msecs: at.getTime() }) : v7({ random })
}
