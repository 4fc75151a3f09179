import { validate, version } from 'uuid'
import { expect, test } from 'vitest'
import { generateId } from '../src/generate-id.js'

test('ids are UUIDv7 with the time of their making, and never the same', () => {
  const before = Date.now()
  const ids = Array.from({ length: 100_000 }, generateId)
  const after = Date.now()
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids.slice(0, 1000)) {
    expect(validate(id) && version(id)).toBe(7)
    const madeAt = parseInt(id.replace('-', '').slice(0, 12), 16)
    expect(madeAt).toBeGreaterThanOrEqual(before)
    expect(madeAt).toBeLessThanOrEqual(after)
  }
})
