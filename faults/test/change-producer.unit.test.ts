import { createKafkaProducer } from '@tidemark/fanout'
import { expect, test } from 'vitest'
import { createRandom } from '../src/random.js'
import { changeProducer } from '../src/workload/change-producer.js'
import { mortalProducer } from '../src/workload/mortal-producer.js'

const real = () => createKafkaProducer({ brokers: ['127.0.0.1:1'] })

test('a producer with a change does everything else as before, reading back included', async () => {
  const calls: string[] = []
  const inner = Object.assign(real(), {
    readTail: (topic: string) => Promise.resolve((calls.push(topic), [])),
    isCompacted: () => Promise.resolve(true),
  })
  const changed = changeProducer(inner, { send: () => Promise.resolve(void calls.push('sent')) })
  const mortal = mortalProducer(changed, 1, createRandom(1)).producer
  await mortal.send([])
  await mortal.readTail?.('tail', [0], 1)
  expect(await mortal.isCompacted?.('any')).toBe(true)
  expect(calls).toEqual(['sent', 'tail'])
  await mortal.disconnect()
  await expect(mortal.connect()).rejects.toMatchObject({ code: 'FANOUT_PRODUCER_CLOSED' })
})

test('what is taken away it cannot do', () => {
  expect(changeProducer(real(), { readTail: undefined })).toMatchObject({ readTail: undefined })
})
