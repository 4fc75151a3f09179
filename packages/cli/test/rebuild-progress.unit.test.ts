import type { RebuildProgress } from '@tidemark/projections'
import { expect, test } from 'vitest'
import { SharedProgress } from '../src/rebuild-progress.js'

const reported = (shard: number, shardPosition: bigint, eventsPerSecond: number): RebuildProgress => {
  const rest = { done: 0n, total: 1000n, shards: 4 }
  return { ...rest, shard, shardPosition, eventsPerSecond }
}

function watched(begun?: ConstructorParameters<typeof SharedProgress>[1]) {
  const shown: { done: bigint; total: bigint; perSecond: number }[] = []
  const shared = new SharedProgress({ update: (state) => void shown.push(state), end: () => undefined }, begun)
  return { shared, last: () => shown.at(-1) }
}

test('what the processes do is added up', () => {
  const { shared, last } = watched()
  shared.update(0, reported(0, 400n, 100))
  shared.update(1, reported(1, 200n, 50))
  expect(last()).toEqual({ done: 150n, total: 1000n, perSecond: 150 })
  shared.update(1, reported(1, 1000n, 60))
  shared.update(1, reported(2, 200n, 60))
  expect(last()).toEqual({ done: 400n, total: 1000n, perSecond: 160 })
  shared.ended(1)
  shared.update(0, reported(0, 800n, 100))
  expect(last()).toEqual({ done: 500n, total: 1000n, perSecond: 100 })
})

test('what an earlier call has done counts', () => {
  const shard = { checkpoint: '', owner: undefined, failures: 0, error: undefined }
  const { shared, last } = watched({
    ...{ table: 't', version: 1, status: 'building', position: 0n, target: 1000n },
    shards: [0n, 1200n, 600n, undefined].map((position) => ({ ...shard, position })),
  })
  shared.update(0, reported(0, 400n, 1))
  expect(last()).toMatchObject({ done: 500n })
})
