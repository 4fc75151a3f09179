import { expect, test } from 'vitest'
import { laneCheckpointOf, laneOfCheckpoint, laneOfKey, lanesOf } from '../../src/bridge/lane-names.js'
import { partitionFor } from '../../src/index.js'

const keys = Array.from({ length: 2000 }, (_, index) => `order-${index}`)

test('a lane has whole partitions where lanes divide them, and every lane has some', () => {
  for (const [lanes, partitions] of [
    [2, 6],
    [4, 4],
    [3, 12],
  ] as const) {
    for (const key of keys) expect(laneOfKey(key, lanes)).toBe(partitionFor(key, partitions) % lanes)
    expect(new Set(keys.map((key) => laneOfKey(key, lanes))).size).toBe(lanes)
  }
})

test('a bridge that is not split keeps the name of its checkpoint; lanes tell how many they are', () => {
  expect(lanesOf(1).map((lane) => laneCheckpointOf('orders', lane))).toEqual(['bridge:orders'])
  expect(lanesOf(2).map((lane) => laneCheckpointOf('orders', lane))).toEqual([
    'bridge:orders/0-of-2',
    'bridge:orders/1-of-2',
  ])
  for (const count of [1, 2, 12]) {
    for (const lane of lanesOf(count)) expect(laneOfCheckpoint(laneCheckpointOf('a-1-of-2.b', lane))).toEqual(lane)
  }
})
