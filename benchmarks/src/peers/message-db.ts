import pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import { once } from '../harness.js'
import { orderPlaced } from '../workload.js'
import { installMessageDb, messageDbSettings } from './install-message-db.js'
import { poolSize, type FollowedPeer, type Peer, type PeerLog, type PeerStore } from './peer.js'

const pageSize = 5000

/** All streams are of one category, as an aggregate's are, and so all writes wait for one lock. */
export const messageDb: FollowedPeer = { name: 'message-db', openStore: (url) => openStore(url, 1), openLog }

/** The streams are spread over a thousand categories, so that writes hardly ever wait for each other. */
export const messageDbOfManyCategories: Peer = {
  name: 'message-db (1,000 categories)',
  openStore: (url) => openStore(url, 1000),
}

interface MessageRow {
  readonly global_position: string
  readonly data: string
  readonly metadata: string
}

async function openPool(url: string): Promise<pg.Pool> {
  await installMessageDb(url)
  return new pg.Pool({ connectionString: url, max: poolSize, options: messageDbSettings })
}

async function openStore(url: string, categories: number): Promise<PeerStore> {
  const pool = await openPool(url)
  const streamName = (id: string) =>
    categories === 1 ? `order-${id}` : `order${Number.parseInt(id.slice(-6), 16) % categories}-${id}`
  return {
    append: (streamId, version, { type, data, metadata }) =>
      pool.query({
        name: 'write-message',
        text: 'select write_message($1, $2, $3, $4, $5, $6)',
        values: [uuidv7(), streamName(streamId), type, JSON.stringify(data), JSON.stringify(metadata), version - 1],
      }),
    readStream: async (streamId) => {
      const { rows } = await pool.query<MessageRow>({
        name: 'get-stream-messages',
        text: 'select * from get_stream_messages($1, 0, 1000)',
        values: [streamName(streamId)],
      })
      return rows.map(parse).length
    },
    countEvents: async () => {
      const { rows } = await pool.query<{ count: string }>('select count(*) from messages')
      return Number(rows[0]?.count)
    },
    empty: async () => void (await pool.query('truncate messages')),
    close: () => pool.end(),
  }
}

async function openLog(url: string): Promise<PeerLog> {
  const pool = await openPool(url)
  return {
    fill: async (events, streams) => {
      const { type, data, metadata } = orderPlaced(1)
      await pool.query(
        `insert into messages (stream_name, position, type, data, metadata)
         select 'order-' || n % $2, n / $2, $3, $4::jsonb, $5::jsonb from generate_series(0, $1::integer - 1) n`,
        [events, streams, type, JSON.stringify(data), JSON.stringify(metadata)],
      )
    },
    catchUp: () =>
      once(async () => {
        const reader = uuidv7()
        let count = 0
        for (let next = 1n; ;) {
          const { rows } = await pool.query<MessageRow>({
            name: 'get-category-messages',
            text: `select * from get_category_messages('order', $1, $2)`,
            values: [next, pageSize],
          })
          const last = rows.at(-1)
          if (!last) return count
          count += rows.map(parse).length
          next = BigInt(last.global_position) + 1n
          // A consumer keeps its place as Eventide's do: as the last message of a stream of its own.
          await pool.query({
            name: 'write-position',
            text: `select write_message($1, $2, 'Recorded', $3)`,
            values: [uuidv7(), `order:position-${reader}`, JSON.stringify({ position: last.global_position })],
          })
        }
      }),
    close: () => pool.end(),
  }
}

const parse = ({ data, metadata }: MessageRow): unknown[] => [JSON.parse(data), JSON.parse(metadata)]
