import type { KafkaServer } from '@tidemark/test-servers'
import type pg from 'pg'
import { BridgeProcess } from './bridge-process.js'
import type { Contender } from './harness.js'
import { orderPlaced } from './workload.js'

export interface BridgeCostOptions {
  readonly url: string
  readonly pool: pg.Pool
  readonly kafka: KafkaServer
  /** A migrated log without events. */
  readonly schema: string
  /** How long the broker is down. */
  readonly downMs: number
}

const waitingEvents = 1_000_000
let bridges = 0

/** What a bridge takes of one core while nothing is appended, in percent. */
export function idleBridge({ url, pool, kafka, schema }: BridgeCostOptions): Contender {
  return {
    name: 'idle bridge, CPU',
    unit: '% of a core',
    run: async (milliseconds) => {
      await pool.query(`truncate ${schema}.events`)
      const bridge = new BridgeProcess({ url, brokers: kafka.bootstrapServers, schema, name: `idle-${++bridges}` })
      try {
        await bridge.begin()
        // What its start costs is over.
        await pause(10_000)
        await bridge.begin()
        await pause(milliseconds)
        const { cpuSeconds } = await bridge.end()
        return { count: (cpuSeconds / (milliseconds / 1000)) * 100, seconds: 1 }
      } finally {
        await bridge.kill()
      }
    },
  }
}

/** The memory of a bridge whose broker dies while a million events come; measured once, for it takes its time. */
export function bridgeWithoutBroker({ url, pool, kafka, schema, downMs }: BridgeCostOptions): Contender {
  let bytes: number | undefined
  return {
    name: `memory, broker down ${Math.round(downMs / 1000)} s, 1M events waiting`,
    unit: 'MB',
    run: async () => {
      bytes ??= await memoryWithoutBroker()
      return { count: bytes / 1024 / 1024, seconds: 1 }
    },
  }

  async function memoryWithoutBroker(): Promise<number> {
    await pool.query(`truncate ${schema}.events`)
    const bridge = new BridgeProcess({ url, brokers: kafka.bootstrapServers, schema, name: `waiting-${++bridges}` })
    try {
      await bridge.begin()
      for (const broker of kafka.brokers) await broker.kill('SIGKILL')
      const { data, metadata } = orderPlaced(1)
      await pool.query(
        `insert into ${schema}.events (stream_id, version, id, schema_version, type, data, metadata)
         select 'order-o-' || n, 1, gen_random_uuid(), 1, 'OrderPlaced', $2, $3 from generate_series(1, $1) n`,
        [waitingEvents, JSON.stringify(data), JSON.stringify(metadata)],
      )
      await pause(downMs)
      return (await bridge.end()).bytes
    } finally {
      await bridge.kill()
      for (const broker of kafka.brokers) await broker.start()
    }
  }
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, milliseconds))
