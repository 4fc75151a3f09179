import { validate, v7, version } from 'uuid'
import { expect, test } from 'vitest'
import { deriveEventId } from '../src/index.js'

test("an event's id is derived from its command's, the same every time, a UUIDv7 with the command's time", () => {
  const commandId = v7()
  const ids = Array.from({ length: 1000 }, (_, index) => deriveEventId(commandId, index))
  expect(new Set(ids).size).toBe(1000)
  expect(ids).toEqual(Array.from({ length: 1000 }, (_, index) => deriveEventId(commandId, index)))
  for (const id of ids) {
    expect(validate(id) && version(id)).toBe(7)
    expect(id.slice(0, 13)).toBe(commandId.slice(0, 13))
  }
  expect(deriveEventId(v7(), 0)).not.toBe(ids[0])
})
