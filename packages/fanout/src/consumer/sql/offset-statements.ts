import { run, type Database, type Statement } from '@tidemark/eventstore'

/** Where a consumer is in a partition: the next record that it takes. */
export interface StoredOffset {
  readonly topic: string
  readonly partition: number
  readonly next: bigint
}

const select: Statement = {
  name: 'select-consumer-offsets',
  text: (schema) => `select topic, partition, next_offset from ${schema}.consumer_offsets where consumer = $1`,
}

/** Where a consumer is in all partitions that it knows. */
export async function selectOffsets(database: Database, consumer: string): Promise<StoredOffset[]> {
  const rows = await run<[string, string, string]>(database, select, [consumer])
  return rows.map(([topic, partition, next]) => ({ topic, partition: Number(partition), next: BigInt(next) }))
}

const insert: Statement = {
  name: 'insert-consumer-offsets',
  text: (schema) => `
insert into ${schema}.consumer_offsets (consumer, topic, partition, next_offset)
select $1, topic, partition, next from unnest($2::text[], $3::int[], $4::bigint[]) as places (topic, partition, next)
    on conflict do nothing`,
}

/** Notes where a consumer begins in partitions; those that it knows stay as they are. */
export async function insertOffsets(
  database: Database,
  consumer: string,
  places: readonly StoredOffset[],
): Promise<void> {
  await run(database, insert, [
    consumer,
    places.map(({ topic }) => topic),
    places.map(({ partition }) => partition),
    places.map(({ next }) => String(next)),
  ])
}

const move: Statement = {
  name: 'move-consumer-offset',
  text: (schema) => `
update ${schema}.consumer_offsets
   set next_offset = $5, moved_at = clock_timestamp()
 where consumer = $1 and topic = $2 and partition = $3 and next_offset = $4
returning 1`,
}

/** Moves a consumer on in a partition; false when it is not, or no longer, where the caller takes it to be. */
export async function moveOffset(
  database: Database,
  consumer: string,
  { topic, partition, next }: StoredOffset,
  to: bigint,
): Promise<boolean> {
  return (await run(database, move, [consumer, topic, partition, next, to])).length > 0
}
