import { randomUUID } from 'node:crypto'
import type { TestDatabase } from '@tidemark/test-servers'
import pg from 'pg'
import type { Outcome } from '../history/entry.js'
import type { HistoryWriter } from '../history/history-writer.js'
import type { Random } from '../random.js'
import { eventMaker, type LoadEvent } from './new-events.js'
import { pause } from './pause.js'

/** What a writer without the store is, and how long it keeps its transactions open. */
export interface RawWriterOptions {
  readonly caller: string
  readonly database: TestDatabase
  readonly history: HistoryWriter
  readonly random: Random
  readonly longestPauseMs: number
  /** The load ends with it. */
  readonly signal: AbortSignal
}

const insert = `
insert into tidemark.events (stream_id, version, id, type, schema_version, data, metadata)
select $1, $2::bigint + i.n, i.id, 'Happened', 1, i.data::json, '{}'
  from unnest($3::uuid[], $4::text[]) with ordinality i(id, data, n)
 order by i.n`

/**
 * A client in the hands of a person with psql: transactions of 1 to 40 events in several statements, open for a random time.
 *
 * 5 % are rolled back; some lose a savepoint, and with it the events, and the fence if it was taken there.
 */
export async function runRawWriter(options: RawWriterOptions): Promise<void> {
  const { caller, database, history, random, longestPauseMs, signal } = options
  const client = new pg.Client({ connectionString: database.directUrl })
  await client.connect()
  const make = eventMaker(caller)
  const streamId = `raw-${caller}`
  let version = 0
  const write = async (after: number, events: readonly LoadEvent[]) => {
    const data = events.map((event) => JSON.stringify(event.data))
    await client.query(insert, [streamId, after, events.map(({ id }) => id), data])
  }
  try {
    while (!signal.aborted) {
      const batch = randomUUID()
      const startedMs = history.now()
      const take = (events: readonly LoadEvent[], outcome: Outcome, upTo?: number) => {
        if (events.length === 0) return
        const common = { kind: 'append', caller, streamId, startedMs, endedMs: history.now(), events } as const
        const told = upTo === undefined ? { batch: `${batch} lost` } : { version: String(upTo), batch }
        history.add({ ...common, outcome, expectedVersion: 'any', ...told })
      }
      const kept: LoadEvent[] = []
      const lost: LoadEvent[] = []
      await client.query('begin')
      for (let part = random.integer(1, 3); part > 0; part--) {
        if (random.chance(0.15)) {
          const events = make(random.integer(1, 3))
          await client.query('savepoint tried')
          await write(version + kept.length, events)
          await client.query('rollback to savepoint tried')
          lost.push(...events)
        }
        const events = make(random.integer(1, 13))
        await write(version + kept.length, events)
        kept.push(...events)
        await pause(random.next() * 10)
      }
      // Most transactions are short, so that the head moves while the long ones are open.
      await pause(random.next() * (random.chance(0.3) ? longestPauseMs : longestPauseMs / 20))
      const commits = !random.chance(0.05)
      await client.query(commits ? 'commit' : 'rollback')
      if (commits) {
        version += kept.length
        take(kept, 'ok', version)
      } else take(kept, 'fail')
      take(lost, 'fail')
    }
  } finally {
    await client.end()
  }
}
