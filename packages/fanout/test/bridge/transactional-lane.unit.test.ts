import { createEventStore, silentLogger } from '@tidemark/eventstore'
import pg from 'pg'
import { expect, test } from 'vitest'
import { TransactionalLane } from '../../src/bridge/transactional-lane.js'
import type { EventRecord } from '../../src/bridge/record-of-event.js'
import type { KafkaProducerPort } from '../../src/index.js'

test('a lane that has ended sends nothing, and does not say that it did', async () => {
  const unused = () => Promise.reject(new Error('not asked for here'))
  const producer: KafkaProducerPort = {
    ...{ connect: unused, partitionCount: unused, createTopic: unused, send: unused, disconnect: unused },
    ...{ openTransactions: unused, readLastCommitted: unused },
  }
  const lane = new TransactionalLane({
    ...{ store: createEventStore(new pg.Pool()), bridge: 'orders', lane: { index: 0, count: 1 } },
    ...{ progressTopic: 'orders.progress', producer, logger: silentLogger },
  })
  const group = [{ event: { id: 'e', position: 1n }, record: {}, bytes: 1 }] as unknown as EventRecord[]
  // Whoever acknowledged it would move the checkpoint past events that are nowhere.
  await expect(lane.send(group, undefined, new AbortController().signal)).rejects.toMatchObject({
    code: 'FANOUT_SEND_ABORTED',
    retryable: true,
  })
  await lane.end()
  await expect(lane.send(group, undefined, new AbortController().signal)).rejects.toThrow()
})
