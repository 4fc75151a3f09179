import {
  eventColumns,
  run,
  toEvents,
  type Database,
  type EventRow,
  type RecordedEvent,
  type Statement,
} from '@tidemark/eventstore'

const matches = `
   and ($3::text[] is null or type = any($3)) and ($4::text[] is null or split_part(stream_id, '-', 1) = any($4))
   and ($5::text is null or metadata->>'correlationId' = $5) and ($6::text is null or metadata->>'causationId' = $6)
   and ($7::text is null or metadata->>'actor' = $7)
   and ($8::float8 is null or recorded_at >= to_timestamp($8)) and ($9::float8 is null or recorded_at < to_timestamp($9))`

const inOrder = (direction: 'asc' | 'desc'): Statement => ({
  name: `admin/select-events-${direction}`,
  text: (schema) => `
select ${eventColumns} from ${schema}.events
 where position > $1 and position <= $2 ${matches}
 order by position ${direction}
 limit $10`,
})
const statements = { forwards: inOrder('asc'), backwards: inOrder('desc') }

/** Which events of a part of the log are meant. */
export interface EventSelection {
  /** Exclusive. */
  readonly above: bigint
  /** Inclusive. */
  readonly upTo: bigint
  readonly types?: readonly string[] | undefined
  readonly categories?: readonly string[] | undefined
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly actor?: string | undefined
  /** Inclusive. */
  readonly since?: Date | undefined
  /** Exclusive. */
  readonly until?: Date | undefined
  readonly direction: 'forwards' | 'backwards'
  readonly limit: number
}

/** Reads the events of a part of the log, data as stored. It looks at every event between the positions, so the caller bounds them. */
export async function selectEvents(database: Database, selection: EventSelection): Promise<RecordedEvent[]> {
  const { above, upTo, types, categories, correlationId, causationId, actor, since, until } = selection
  const values = [
    ...[above, upTo, types, categories, correlationId, causationId, actor],
    ...[since, until].map((time) => time && time.getTime() / 1000),
    selection.limit,
  ]
  const rows = await run<EventRow>(
    database,
    statements[selection.direction],
    values.map((value) => value ?? null),
  )
  return toEvents(rows, database.tenant)
}
