import { randomUUID } from 'node:crypto'
import { createEventStore } from '@tidemark/eventstore'
import { createBridge, createKafkaProducer, defineBridge } from '@tidemark/fanout'
import type { Experiment } from '../experiment.js'
import { recordCatchUp } from '../workload/counting-subscriber.js'
import { mortalProducer } from '../workload/mortal-producer.js'
import { kafkaOf } from '../workload/kafka-servers.js'
import { atMost } from '../workload/pause.js'
import { lastPosition, recordLog } from '../workload/record-log.js'
import { recordTopic } from '../workload/record-topic.js'
import { runStoreWriter } from '../workload/store-writer.js'

const deathsOf = { short: 6, full: 60, hunt: 5 } as const
const batchSize = 20
const longestLifeMs = 60_000

/** One bridge after the other dies before or after a send, while the log grows; the last one lives. */
export const dyingBridges: Experiment = {
  name: 'dying-bridges',
  group: 'bridge',
  summary: 'bridges die before a send, or before its acknowledgement arrives: nothing is lost or sent twice',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12'],
  needs: 'kafka',

  async run(context) {
    const { size, random, database, history, mutant, signal } = context
    const kafka = kafkaOf(context)
    const deaths = deathsOf[size]
    const pool = database.createPool({ max: 8 })
    const store = createEventStore(pool, { listen: false })
    const topic = `faults-${randomUUID()}`
    const definition = defineBridge({ name: 'dying', topic, source: '/faults' })
    const brokers = kafka.bootstrapServers.split(',')

    /** One life of the bridge, up to `until`. */
    const live = async (sends: number, size: number, until: (death: Promise<void>) => Promise<void>) => {
      const mortal = mortalProducer(createKafkaProducer({ brokers }), sends, random)
      const producer = mutant?.wrapProducer?.(mortal.producer) ?? mortal.producer
      const createTopics = { partitions: 3, replicationFactor: 1 }
      const bridge = createBridge(store, definition, { producer, batchSize: size, createTopics })
      await bridge.start()
      await until(mortal.death)
      // A dead process waits for nothing.
      await bridge.stop({ timeoutMs: 1 })
      await mortal.settled()
      await producer.disconnect()
    }

    const enough = new AbortController()
    const common = { store, history, longestPauseMs: 50, signal: enough.signal }
    const written = Promise.all(
      Array.from({ length: 4 }, (_, n) => runStoreWriter({ ...common, caller: `writer${n}`, random: random.fork() })),
    )
    try {
      for (let death = 0; death < deaths && !signal.aborted; death++) {
        await live(random.integer(0, 5), batchSize, (died) => atMost(longestLifeMs, died, signal))
      }
    } finally {
      enough.abort()
      await written
    }
    history.add({ kind: 'healed', atMs: history.now() })
    const position = await lastPosition(pool)
    const name = 'bridge:dying'
    await live(Infinity, 500, () => recordCatchUp(pool, history, { name, position }))
    // Whatever a bridge had on its way was written before the next one looked.
    history.add({ kind: 'bridge', topic, interruptions: 0, largestBatch: batchSize, checkpoint: String(position) })
    await recordLog(pool, history)
    await recordTopic(kafka, history, { topic })
    await store.close()
  },
}
