import { run, type Database, type Statement } from '../database.js'
import type { RecordedEvent } from '../event.js'
import type { LogShard } from '../log-source.js'
import { eventColumns, toEvent, type EventRow } from './event-row.js'

const everything: Statement = {
  name: 'select-log',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where position > $1 and position <= $2
 order by position
 limit $3`,
}

// In the order of positions, past everything else: right where many events match.
const byFilter: Statement = {
  name: 'select-log-by-filter',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where position > $1 and position <= $2 and (type = any($4) or type <> all($6))
   and ($5::text[] is null or split_part(stream_id, '-', 1) = any($5))
 order by position
 limit $3`,
}

// One index range per type: right where few events match. Rows are compared as a pair, since a planner that may take the order from the
// primary key passes through the rest of the log in search of a type that is not there.
const byType: Statement = {
  name: 'select-log-by-type',
  text: (schema) => `
select ${eventColumns}
  from unnest($4::text[]) wanted
 cross join lateral (
   select * from ${schema}.events
    where (type, position) > (wanted, $1) and (type, position) <= (wanted, $2)
      and ($5::text[] is null or split_part(stream_id, '-', 1) = any($5))
    order by type, position
    limit $3
 ) e
 order by position
 limit $3`,
}

// The types that are there are found by as many steps in the index, however many events they have.
const byTypeOrUnknown: Statement = {
  name: 'select-log-by-type-or-unknown',
  text: (schema) =>
    byType.text(schema).replace(
      'from unnest($4::text[]) wanted',
      `from (
   select unnest($4::text[])
    union
   (with recursive present as (
      select min(type) as type from ${schema}.events
       union all
      select (select min(e.type) from ${schema}.events e where e.type > p.type) from present p where p.type is not null
    )
    select type from present where type <> all($6))
 ) as t(wanted)`,
    ),
}

const byCategory: Statement = {
  name: 'select-log-by-category',
  text: (schema) => `
select ${eventColumns}
  from ${schema}.events
 where position > $1 and position <= $2 and split_part(stream_id, '-', 1) = any($4)
 order by position
 limit $3`,
}

/** The same statement with the tenant of each event. */
function ofTenants({ name, text }: Statement): Statement {
  return {
    name: `${name}-of-tenants`,
    text: (schema) => text(schema).replace(eventColumns, `${eventColumns}, tenant`),
  }
}

/** The part, from 0, that a stream is in. The hash is the one of Postgres's hash partitions, which stays the same over its versions. */
export function shardExpression(streamId: string, count: string): string {
  return `(hashtextextended(${streamId}, 0) & 9223372036854775807) % ${count}`
}

/** The same statement for a part of the streams. The numbers stand in the text, which is fixed for as long as the shards are. */
function ofShard({ name, text }: Statement, { index, count }: LogShard): Statement {
  const condition = `${shardExpression('stream_id', String(count))} = ${index}`
  return {
    name: `${name}-${index}-of-${count}`,
    text: (schema) => text(schema).replace(' order by ', `   and ${condition}\n order by `),
  }
}

const variants = new Map<string, Statement>()

function variantOf(statement: Statement, tenants: boolean, shard: LogShard | undefined): Statement {
  if (!tenants && !shard) return statement
  const key = `${statement.name} ${tenants} ${shard?.index}/${shard?.count}`
  let variant = variants.get(key)
  if (!variant) {
    variant = tenants ? ofTenants(statement) : statement
    if (shard) variant = ofShard(variant, shard)
    variants.set(key, variant)
  }
  return variant
}

export interface LogRange {
  /** Exclusive. */
  readonly after: bigint
  /** Inclusive: at most the safe head. */
  readonly upTo: bigint
  readonly limit: number
  readonly types?: readonly string[] | undefined
  /** Events of other types than these are read besides those of `types`. */
  readonly knownTypes?: readonly string[] | undefined
  readonly categories?: readonly string[] | undefined
  /** How to find events of the types: one after the other, or each type by its index. */
  readonly typesBy?: 'scan' | 'index'
  readonly shard?: LogShard | undefined
  /** Whether streams belong to tenants. */
  readonly tenants: boolean
}

/** Reads a part of the log in order; the data as stored. */
export async function selectLog(database: Database, range: LogRange): Promise<RecordedEvent[]> {
  const { after, upTo, limit, types, knownTypes, categories, shard, typesBy = 'index', tenants } = range
  const select = async (statement: Statement, ...filters: readonly unknown[]) => {
    const chosen = variantOf(statement, tenants, shard)
    return (await run<EventRow>(database, chosen, [after, upTo, limit, ...filters])).map((row) => toEvent(row))
  }
  if (types && typesBy === 'scan') return select(byFilter, types, categories ?? null, knownTypes ?? null)
  if (types && knownTypes) return select(byTypeOrUnknown, types, categories ?? null, knownTypes)
  if (types) return select(byType, types, categories ?? null)
  if (categories) return select(byCategory, categories)
  return select(everything)
}
