import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { TableStatus } from './registry-statements.js'

const statement: Statement = {
  name: 'select-table-shards',
  text: (schema) => `
select p.name, p.version, p.table_name, p.status, p.target, s.checkpoint, c.position,
       case when c.lease_until > clock_timestamp() then c.owner end, c.failures, c.error
  from ${schema}.projections p
 cross join lateral ${schema}.shard_checkpoints(p.table_name, p.shards) with ordinality as s(checkpoint, number)
  left join ${schema}.checkpoints c on c.name = s.checkpoint
 where p.name = any($1)
 order by p.name, p.updated_at, p.table_name, s.number`,
}

/** A part of a table's events, as the database knows it. */
export interface ProjectionShard {
  /** The name of its checkpoint. */
  readonly checkpoint: string
  /** Where it has come; undefined where the checkpoint is missing. */
  readonly position: bigint | undefined
  /** The process that has it. */
  readonly owner: string | undefined
  /** How often the batch that is next has failed. */
  readonly failures: number
  readonly error: string | undefined
}

/** A table of a read model, and how far it is. */
export interface ProjectionTable {
  /** Without its schema. */
  readonly table: string
  readonly version: number
  readonly status: TableStatus
  /** Where all of its shards have come; undefined where a checkpoint is missing. */
  readonly position: bigint | undefined
  /** Up to where its build goes or went before it followed the log; undefined for a first table, which was never built. */
  readonly target: bigint | undefined
  readonly shards: readonly ProjectionShard[]
}

type ShardRow = [
  ...[name: string, version: string, table: string, status: TableStatus, target: string | null],
  ...[checkpoint: string, position: string | null, owner: string | null, failures: string | null, error: string | null],
]

/** The tables of some read models with their shards, by the names of the read models; those that changed last at the end. */
export async function selectTableShards(
  database: Database,
  readModels: readonly string[],
): Promise<ReadonlyMap<string, readonly ProjectionTable[]>> {
  const byName = new Map<string, Map<string, ProjectionTable>>()
  for (const row of await run<ShardRow>(database, statement, [readModels])) {
    const [name, version, table, status, target] = row
    const tables = byName.get(name) ?? new Map<string, ProjectionTable>()
    byName.set(name, tables)
    const before = tables.get(table)
    const shard = toShard(row)
    tables.set(table, {
      ...{ table, version: Number(version), status, target: target === null ? undefined : BigInt(target) },
      position: before ? lower(before.position, shard.position) : shard.position,
      shards: [...(before?.shards ?? []), shard],
    })
  }
  return new Map([...byName].map(([name, tables]) => [name, [...tables.values()]]))
}

function toShard([, , , , , checkpoint, position, owner, failures, error]: ShardRow): ProjectionShard {
  return {
    checkpoint,
    position: position === null ? undefined : BigInt(position),
    owner: owner ?? undefined,
    failures: Number(failures ?? 0),
    error: error ?? undefined,
  }
}

function lower(one: bigint | undefined, other: bigint | undefined): bigint | undefined {
  if (one === undefined || other === undefined) return undefined
  return one < other ? one : other
}
