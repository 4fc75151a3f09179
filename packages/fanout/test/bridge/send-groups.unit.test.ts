import { expect, test } from 'vitest'
import type { EventRecord } from '../../src/bridge/record-of-event.js'
import { sendGroups } from '../../src/bridge/send-groups.js'

const record = (position: number, partition: number, bytes: number, topic = 't') =>
  ({ event: { position: BigInt(position) }, record: { topic, partition }, bytes }) as unknown as EventRecord

const positions = (groups: EventRecord[][]) => groups.map((group) => group.map(({ event }) => Number(event.position)))

test('sends all at once what fits', () => {
  expect(positions(sendGroups([record(1, 0, 50), record(2, 0, 50)], 100))).toEqual([[1, 2]])
  expect(sendGroups([], 100)).toEqual([])
})

test('counts each partition of each topic for itself', () => {
  const records = [record(1, 0, 60), record(2, 1, 60), record(3, 0, 60, 'other')]
  expect(positions(sendGroups(records, 100))).toEqual([[1, 2, 3]])
})

test('cuts where a partition is full, and keeps the order of all', () => {
  const records = [record(1, 0, 60), record(2, 1, 10), record(3, 0, 60), record(4, 1, 60), record(5, 0, 60)]
  expect(positions(sendGroups(records, 100))).toEqual([[1, 2], [3, 4], [5]])
})

test('sends one that is above the limit by itself alone', () => {
  const records = [record(1, 0, 10), record(2, 1, 120), record(3, 2, 10), record(4, 0, 10)]
  expect(positions(sendGroups(records, 100))).toEqual([[1], [2], [3, 4]])
})

test('cuts what would be more than a broker takes in one request, however many partitions it is for', () => {
  const records = Array.from({ length: 100 }, (_, index) => record(index, index, 1_000_000))
  const groups = sendGroups(records, 1_048_576)
  expect(groups.map((group) => group.length)).toEqual([33, 33, 33, 1])
})
