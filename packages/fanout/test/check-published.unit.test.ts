import { expect, test } from 'vitest'
import { checkPublished, type PublishedRecord } from '../src/index.js'

const expected = [
  { id: 'a1', streamId: 'order-a', version: 1n },
  { id: 'a2', streamId: 'order-a', version: 2n },
  { id: 'a3', streamId: 'order-a', version: 3n },
  { id: 'b1', streamId: 'order-b', version: 1n },
]
const all: PublishedRecord[] = expected.map(({ id, streamId, version }) => ({
  topic: 't',
  partition: 0,
  key: streamId,
  eventId: id,
  streamVersion: version,
}))
const [a1, a2, a3, b1] = all as [PublishedRecord, PublishedRecord, PublishedRecord, PublishedRecord]
const fine = { missing: [], foreign: [], outOfOrder: [], duplicates: 0 }

test('accepts every event once, and repetitions', () => {
  expect(checkPublished(all, expected)).toEqual(fine)
  expect(checkPublished([a1, a2, a1, a2, b1, a3, b1], expected)).toEqual({ ...fine, duplicates: 3 })
})

test('finds what is missing, what overtook, and what nobody appended', () => {
  expect(checkPublished([a1, a3, b1], expected)).toEqual({ ...fine, missing: ['a2'] })
  // Deduplicated, this reads 1, 3, 2.
  expect(checkPublished([a1, a3, a1, a2, a3, b1], expected)).toEqual({ ...fine, outOfOrder: ['a2'], duplicates: 2 })
  const strange = { ...a1, eventId: 'z' }
  expect(checkPublished([...all, strange], expected)).toEqual({ ...fine, foreign: ['z'] })
  expect(checkPublished([...all, { ...a1, key: 'order-b' }], expected)).toEqual({ ...fine, foreign: ['a1'] })
  expect(checkPublished([...all, { ...a1, streamVersion: 2n }], expected)).toEqual({ ...fine, foreign: ['a1'] })
})
