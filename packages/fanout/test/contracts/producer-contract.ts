import { createFaultProxy, freePort, startLocalKafka, type FaultProxy, type KafkaServer } from '@tidemark/test-servers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import {
  FanoutError,
  partitionFor,
  type KafkaConnectionOptions,
  type KafkaProducerPort,
  type KafkaRecord,
} from '../../src/index.js'
import { readWholeTopic } from '../read-topic.js'
import { loseAnswers } from './lose-answers.js'

/**
 * What every producer behind the port has to do, against a real broker with a bad line before it.
 *
 * A client that tries again on a connection that fell silent gives up in the end; what it sent is then sent again as something new,
 * and `afterSilence` is `may-repeat`.
 *
 * The broker creates topics when a client asks for it, so that a client that does is found out.
 */
export function describeProducerContract(
  name: string,
  create: (options: KafkaConnectionOptions) => KafkaProducerPort,
  { afterSilence }: { readonly afterSilence: 'repeats-nothing' | 'may-repeat' },
): void {
  describe.skipIf(!inject('kafkaBrokers'))(`the producer with ${name}`, () => {
    let kafka: KafkaServer
    let proxy: FaultProxy
    let producer: KafkaProducerPort
    const opened: KafkaProducerPort[] = []

    const open = (options: Partial<KafkaConnectionOptions> = {}): KafkaProducerPort => {
      const opening = create({ brokers: [kafka.bootstrapServers], requestTimeoutMs: 2000, ...options })
      opened.push(opening)
      return opening
    }
    const read = (topic: string) => readWholeTopic(kafka.directBootstrapServers, topic, { bytes: true })
    const listTopics = async (): Promise<string[]> => {
      const { stdout } = await kafka.runTool('org.apache.kafka.tools.TopicCommand', ['--list'])
      return stdout.split('\n')
    }
    const idsIn = async (topic: string, partition = 0): Promise<string[]> =>
      (await read(topic)).filter((each) => each.partition === partition).map(({ eventId }) => eventId)

    beforeAll(async () => {
      kafka = await startLocalKafka({
        advertise: async (target) => (proxy = await createFaultProxy({ target })),
        settings: { 'auto.create.topics.enable': 'true', 'num.partitions': '2' },
      })
    })
    // A silent connection stays so: whoever has one gets another.
    const healLine = () => {
      proxy.heal()
      proxy.cutAll()
    }
    beforeEach(() => {
      producer = open()
    })
    afterEach(async () => {
      healLine()
      await Promise.all(opened.splice(0).map((each) => each.disconnect()))
    })
    afterAll(async () => {
      await proxy.close()
      await kafka.close()
    })

    test('refuses a list of brokers that cannot be', () => {
      for (const brokers of [[], ['127.0.0.1'], ['one:9092,two:9092']]) {
        expect(() => create({ brokers })).toThrow(expect.objectContaining({ code: 'FANOUT_CONFIGURATION' }))
      }
    })

    test('says on connecting that no broker is there, or that none says anything', async () => {
      const brokers = [`127.0.0.1:${await freePort()}`]
      await expect(open({ brokers }).connect()).rejects.toMatchObject({
        code: 'FANOUT_BROKER_UNAVAILABLE',
        retryable: true,
        brokers,
      })
      const silent = await createFaultProxy({ target: { host: '127.0.0.1', port: proxy.port } })
      silent.blackHoleAll()
      const deaf = open({ brokers: [`${silent.host}:${silent.port}`], requestTimeoutMs: 500 })
      await expect(deaf.connect()).rejects.toMatchObject({ code: 'FANOUT_BROKER_UNAVAILABLE' })
      await expect(deaf.partitionCount('any')).rejects.toMatchObject({ code: 'FANOUT_BROKER_UNAVAILABLE' })
      await silent.close()
    })

    test('connects when it is connected already, and by sending', async () => {
      await producer.createTopic('connecting', { partitions: 1, replicationFactor: 1 })
      const fresh = open()
      await fresh.send([record('connecting', 'first')])
      await fresh.connect()
      await fresh.connect()
      await fresh.send([record('connecting', 'second')])
      expect(await idsIn('connecting')).toEqual(['first', 'second'])
    })

    test('never creates a topic that it is asked about or sends to', async () => {
      expect(await producer.partitionCount('never-created')).toBeUndefined()
      await expect(producer.send([record('never-sent', 'lost')])).rejects.toMatchObject({
        code: 'FANOUT_KAFKA_REFUSED',
        type: 'UNKNOWN_TOPIC_OR_PARTITION',
        retryable: true,
      })
      expect(await listTopics()).not.toContain('never-created')
      expect(await listTopics()).not.toContain('never-sent')
    })

    test('creates topics, each of those that are asked for at once, and leaves one that exists as it is', async () => {
      const wanted = { 'three-parts': 3, 'four-parts': 4, 'five-parts': 5 }
      const create = ([topic, partitions]: [string, number]) =>
        persist(() => producer.createTopic(topic, { partitions, replicationFactor: 1 }))
      await Promise.all(Object.entries(wanted).map(create))
      await producer.createTopic('three-parts', { partitions: 6, replicationFactor: 1 })
      const counts = Object.keys(wanted).map(async (topic) => [topic, await producer.partitionCount(topic)])
      expect(Object.fromEntries(await Promise.all(counts))).toEqual(wanted)
    })

    test('tells what Kafka refuses by its name', async () => {
      const refused = producer.createTopic('a topic', { partitions: 1, replicationFactor: 1 })
      await expect(refused).rejects.toMatchObject({
        code: 'FANOUT_KAFKA_REFUSED',
        type: 'INVALID_TOPIC_EXCEPTION',
        retryable: false,
      })
    })

    test('writes each record as it is, to the partition that it names, in their order', async () => {
      for (const topic of ['exact', 'exact-too'])
        await producer.createTopic(topic, { partitions: 3, replicationFactor: 1 })
      const keys = Array.from({ length: 20 }, (_, index) => `order-ключ-${index}`)
      const records: KafkaRecord[] = ['exact', 'exact-too'].flatMap((topic) =>
        keys.flatMap((key, index) => [
          { ...record(topic, `a${index}`, partitionFor(key, 3)), key, value: Buffer.from([0, 255, 10, 9, index]) },
          { ...record(topic, `b${index}`, partitionFor(key, 3)), key, headers: { ce_id: `b${index}`, é: 'naïve ✓' } },
        ]),
      )
      const bare = { topic: 'exact', partition: 2, key: '', value: Buffer.alloc(0), headers: {} }
      await producer.send(records)
      await producer.send([])
      await producer.send([bare])
      for (const topic of ['exact', 'exact-too']) {
        const written = await read(topic)
        for (const partition of [0, 1, 2]) {
          const expected = [...records, bare].filter((each) => each.topic === topic && each.partition === partition)
          expect(written.filter((each) => each.partition === partition).map(visible)).toEqual(
            expected.map(({ key, value, headers }) => ({
              key: printed(Buffer.from(key)),
              value: printed(value),
              headers:
                Object.entries(headers)
                  .map(([header, text]) => `${header}:${printed(Buffer.from(text))}`)
                  .join() || 'NO_HEADERS',
            })),
          )
        }
      }
    })

    test('sends one after the other, in the order of the calls', async () => {
      await producer.createTopic('callers', { partitions: 1, replicationFactor: 1 })
      const ids = Array.from({ length: 50 }, (_, index) => `caller-${index}`)
      await Promise.all(ids.map((id) => producer.send([record('callers', id)])))
      expect(await idsIn('callers')).toEqual(ids)
    })

    test('says that a batch is too large, and writes what comes next even to partitions that took their share', async () => {
      await producer.createTopic('large', { partitions: 2, replicationFactor: 1 })
      const large = { ...record('large', 'large', 0), value: Buffer.alloc(1_200_000, 'x') }
      await producer.send([record('large', 'before', 1)])
      await expect(producer.send([large, record('large', 'share', 1)])).rejects.toMatchObject({
        code: 'FANOUT_BATCH_TOO_LARGE',
        retryable: false,
      })
      await producer.send([record('large', 'after', 1)])
      const written = await idsIn('large', 1)
      expect(written.filter((id) => id !== 'share')).toEqual(['before', 'after'])
    })

    test('does not call records sent that no broker took, and writes them nowhere else', async () => {
      await producer.createTopic('two-parts', { partitions: 2, replicationFactor: 1 })
      await producer.send([record('two-parts', 'before')])
      await expect(producer.send([record('two-parts', 'nowhere', 99)])).rejects.toMatchObject({
        code: 'FANOUT_UNACKNOWLEDGED',
        retryable: true,
        partitions: ['two-parts/99'],
      })
      await producer.send([record('two-parts', 'after')])
      expect((await read('two-parts')).map(({ eventId }) => eventId)).toEqual(['before', 'after'])
    })

    test('stops waiting when its caller does, and sends on', async () => {
      await producer.createTopic('aborted', { partitions: 1, replicationFactor: 1 })
      const sending = open()
      await sending.send([record('aborted', 'before')])
      const before = sending.send([record('aborted', 'never')], { signal: AbortSignal.abort() })
      await expect(before).rejects.toMatchObject({ code: 'FANOUT_SEND_ABORTED', retryable: true })
      proxy.blackHoleAll()
      const controller = new AbortController()
      const during = sending.send([record('aborted', 'unknown')], { signal: controller.signal })
      setTimeout(() => controller.abort(), 200)
      await expect(during).rejects.toMatchObject({ code: 'FANOUT_SEND_ABORTED' })
      healLine()
      await sending.send([record('aborted', 'after')])
      const written = await idsIn('aborted')
      expect(written.filter((id) => id !== 'unknown')).toEqual(['before', 'after'])
    })

    test('is of no use once it was disconnected, and disconnects from a broker that says nothing', async () => {
      await producer.createTopic('closed', { partitions: 1, replicationFactor: 1 })
      const closing = open()
      await closing.send([record('closed', 'before')])
      proxy.blackHoleAll()
      const during = closing.send([record('closed', 'unknown')]).catch((error: unknown) => error)
      await sleep(200)
      await closing.disconnect()
      await closing.disconnect()
      expect(await during).toBeInstanceOf(FanoutError)
      healLine()
      for (const use of [
        () => closing.connect(),
        () => closing.send([record('closed', 'never')]),
        () => closing.partitionCount('closed'),
        () => closing.createTopic('closed', { partitions: 1, replicationFactor: 1 }),
      ]) {
        await expect(use()).rejects.toMatchObject({ code: 'FANOUT_PRODUCER_CLOSED', retryable: false })
      }
      expect((await idsIn('closed')).filter((id) => id !== 'unknown')).toEqual(['before'])
    })

    test('has written what it acknowledged, though replies are lost and its callers do not wait for each other', async () => {
      await producer.createTopic('lost-replies', { partitions: 1, replicationFactor: 1 })
      loseAnswers(proxy, { every: 5 })
      const ids = Array.from({ length: 200 }, (_, index) => `c-${index}`)
      const outcomes = await Promise.allSettled(ids.map((id) => producer.send([record('lost-replies', id)])))
      proxy.heal()
      const acknowledged = ids.filter((_, index) => outcomes[index]!.status === 'fulfilled')
      expect(acknowledged.length).toBeGreaterThan(100)
      const written = await idsIn('lost-replies')
      expect(acknowledged.filter((id) => !written.includes(id))).toEqual([])
      expect(firstOccurrences(written)).toEqual(ids.filter((id) => written.includes(id)))
    }, 120_000)

    test('repeats nothing when only the reply was lost: the broker knows what it has', async () => {
      await producer.createTopic('batches', { partitions: 2, replicationFactor: 1 })
      loseAnswers(proxy, { every: 4 })
      const ids = Array.from({ length: 20 }, (_, index) => `b-${index}`)
      for (const id of ids) await producer.send([record('batches', `${id}-0`, 0), record('batches', `${id}-1`, 1)])
      proxy.heal()
      for (const partition of [0, 1]) {
        expect(await idsIn('batches', partition)).toEqual(ids.map((id) => `${id}-${partition}`))
      }
    }, 120_000)

    test('repeats at most the sends that failed when the line falls silent instead of breaking', async () => {
      await producer.createTopic('silent', { partitions: 1, replicationFactor: 1 })
      loseAnswers(proxy, { every: 3, how: 'black-hole' })
      const ids = Array.from({ length: 6 }, (_, index) => `s-${index}`)
      const failed = await sendEach(open({ requestTimeoutMs: 1000 }), 'silent', ids)
      proxy.heal()
      if (afterSilence === 'repeats-nothing') expect([...failed]).toEqual([])
      const written = await idsIn('silent')
      expect(firstOccurrences(written)).toEqual(ids)
      expect(repeatedIn(written).filter((id) => !failed.has(id))).toEqual([])
    }, 120_000)

    test('goes on after its broker was killed and came back, with every record in its place', async () => {
      await producer.createTopic('restarted', { partitions: 1, replicationFactor: 1 })
      const ids = Array.from({ length: 40 }, (_, index) => `r-${index}`)
      const failed = await sendEach(producer, 'restarted', ids.slice(0, 20))
      const restarting = restart(kafka)
      for (const id of await sendEach(producer, 'restarted', ids.slice(20))) failed.add(id)
      await restarting
      const written = await idsIn('restarted')
      expect(firstOccurrences(written)).toEqual(ids)
      expect(repeatedIn(written).filter((id) => !failed.has(id))).toEqual([])
    }, 180_000)

    test('goes on while the leaders of its partitions move, with every record in its place', async () => {
      const cluster = await startLocalKafka({ brokers: 3 })
      const partitions = [0, 1, 2, 3]
      const spread = open({ brokers: cluster.bootstrapServers.split(','), requestTimeoutMs: 5000 })
      try {
        await spread.createTopic('moving', { partitions: partitions.length, replicationFactor: 3 })
        for (let turn = 0; turn < 40; turn++) {
          if (turn === 20) await cluster.brokers[0]!.kill('SIGKILL')
          const records = partitions.map((partition) => record('moving', `m-${partition}-${turn}`, partition))
          await persist(() => spread.send(records))
        }
        const written = await readWholeTopic(cluster.directBootstrapServers, 'moving')
        for (const partition of partitions) {
          const ids = written.filter((each) => each.partition === partition).map(({ eventId }) => eventId)
          const expected = Array.from({ length: 40 }, (_, turn) => `m-${partition}-${turn}`)
          expect(firstOccurrences(ids)).toEqual(expected)
        }
      } finally {
        await spread.disconnect()
        await cluster.close()
      }
    }, 180_000)
  })
}

function record(topic: string, id: string, partition = 0): KafkaRecord {
  return { topic, partition, key: `key-${partition}`, value: Buffer.from(`payload-${id}`), headers: { ce_id: id } }
}

async function restart(kafka: KafkaServer): Promise<void> {
  for (const broker of kafka.brokers) {
    await broker.kill('SIGKILL')
    await broker.start()
  }
}

/** Tries until it succeeds; false when that took more than one try. */
async function persist(work: () => Promise<void>): Promise<boolean> {
  for (let first = true; ; first = false) {
    try {
      await work()
      return first
    } catch (error) {
      if (!(error instanceof FanoutError && error.retryable)) throw error
      await sleep(200)
    }
  }
}

/** Sends each record until it was acknowledged; what it returns are those whose send failed, and may be there twice. */
async function sendEach(producer: KafkaProducerPort, topic: string, ids: readonly string[]): Promise<Set<string>> {
  const failed = new Set<string>()
  for (const id of ids) if (!(await persist(() => producer.send([record(topic, id)])))) failed.add(id)
  return failed
}

const firstOccurrences = (ids: readonly string[]): string[] => [...new Set(ids)]
const repeatedIn = (ids: readonly string[]): string[] => ids.filter((id, index) => ids.indexOf(id) !== index)

const visible = ({ key, value, headers }: { key: string; value: string; headers: string }) => ({ key, value, headers })

/** As Kafka prints bytes: what is not printable ASCII as `\xNN`. */
const printed = (bytes: Buffer): string =>
  [...bytes]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')
