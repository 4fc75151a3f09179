import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { OriginalPlace } from '../dead-letter-headers.js'
import type { DeadLetter } from '../define-consumer.js'

const statement: Statement = {
  name: 'insert-dead-letter',
  text: (schema) => `
insert into ${schema}.consumer_dead_letters
       (consumer, topic, partition, "offset", key, value, headers, error_name, error, stack)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    on conflict (consumer, topic, partition, "offset") do update
   set error_name = excluded.error_name, error = excluded.error, stack = excluded.stack, dead_at = clock_timestamp()`,
}

/** Keeps a copy of a dead letter; one of the same record is replaced. */
export async function insertDeadLetter(
  database: Database,
  { consumer, record, error }: DeadLetter,
  { topic, partition, offset }: OriginalPlace,
): Promise<void> {
  const headers = Object.entries(record.headers).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? value.toString('base64') : value.map((each) => each.toString('base64')),
  ])
  // Postgres's text has no \u0000, and an error's message may quote any record.
  const text = (value: string) => value.replaceAll('\u0000', '\ufffd')
  await run(database, statement, [
    ...[consumer, topic, partition, String(offset), record.key, record.value],
    JSON.stringify(Object.fromEntries(headers)),
    ...[error.name, text(error.message), error.stack === undefined ? null : text(error.stack)],
  ])
}
