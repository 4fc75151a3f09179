import { presentTypesOf, upcast, UnknownEventError, type AnyAggregate } from '@tidemark/eventstore'
import { decodeRecord, type ConsumedEvent } from './decode-record.js'
import type { ConsumerDefinition, RecordPolicy } from './define-consumer.js'
import { NotRetriableError, UndecodableRecordError, UnknownEventTypeError } from './errors.js'
import type { ConsumedRecord } from './kafka-consumer-port.js'

/** What is to be done with a record. */
export type JudgedRecord =
  | { readonly kind: 'handle'; readonly event: ConsumedEvent }
  /** Nothing; the event is still one of its stream's, where it could be read. */
  | { readonly kind: 'pass'; readonly event?: ConsumedEvent }
  | { readonly kind: 'dead-letter'; readonly error: NotRetriableError }
  | { readonly kind: 'stop'; readonly error: NotRetriableError }

/** Decides what is to be done with a record: its event is decoded, and brought to the newest schema of its aggregate. */
export function judgeRecord(definition: ConsumerDefinition, record: ConsumedRecord): JudgedRecord {
  const where = `the record ${record.topic}/${record.partition} at offset ${record.offset}`
  if (record.value === null)
    return byPolicy(definition.tombstones, () => new UndecodableRecordError(`${where} is a tombstone`))
  let event: ConsumedEvent
  try {
    event = decodeRecord(record)
  } catch (error) {
    if (error instanceof NotRetriableError) return { kind: 'dead-letter', error }
    throw error
  }
  const aggregate = aggregateOf(definition.aggregates, event)
  if (aggregate === 'foreign') return { kind: 'pass' }
  const unknown = (cause?: unknown) =>
    new UnknownEventTypeError(
      `${where} has an event ${event.type} at schema version ${event.schemaVersion}, which consumer "${definition.name}" does not know: deploy the code that does, or choose what becomes of such events by unknownTypes`,
      { cause },
    )
  if (aggregate === undefined) return byPolicy(definition.unknownTypes, unknown, event)
  try {
    // A fold wants a version; the event keeps what it had.
    const current = upcast(aggregate, { ...event, version: event.version ?? 0n })
    if (!current || !definition.types.has(current.type)) return { kind: 'pass', event }
    const misfit = definition.checkData ? misfitOf(aggregate, current) : undefined
    if (misfit)
      return {
        kind: 'dead-letter',
        error: new UndecodableRecordError(`${where}: the data of ${current.type} does not fit its schema, ${misfit}`),
      }
    return { kind: 'handle', event: { ...current, version: event.version } }
  } catch (error) {
    if (!(error instanceof UnknownEventError))
      return {
        kind: 'dead-letter',
        error: new UndecodableRecordError(`${where}: its upcaster failed`, { cause: error }),
      }
    const known = presentTypesOf(aggregate).has(event.type)
    // To pass over a newer version of what is handled would lose what it says.
    const policy = known && definition.unknownTypes === 'ignore' ? 'stop' : definition.unknownTypes
    return byPolicy(policy, () => unknown(error), event)
  }
}

/** Where data does not fit the schema of its event, and why; undefined where it does, and where it is encrypted. */
function misfitOf(aggregate: AnyAggregate, { type, data }: Pick<ConsumedEvent, 'type' | 'data'>): string | undefined {
  const definition = Object.hasOwn(aggregate.events, type) ? aggregate.events[type] : undefined
  if (!definition || definition.personal) return undefined
  const [issue] = definition.schema.safeParse(data).error?.issues ?? []
  return issue && `at ${['$', ...issue.path.map(String)].join('.')}: ${issue.message}`
}

function byPolicy(policy: RecordPolicy, errorOf: () => NotRetriableError, event?: ConsumedEvent): JudgedRecord {
  if (policy === 'ignore') return event ? { kind: 'pass', event } : { kind: 'pass' }
  return { kind: policy, error: errorOf() }
}

/** An event of a store names its category; of one that does not, only the type can tell. */
function aggregateOf(aggregates: readonly AnyAggregate[], event: ConsumedEvent): AnyAggregate | 'foreign' | undefined {
  const named = aggregates.find(({ name }) => name === event.category)
  if (named) return named
  if (event.version !== undefined) return 'foreign'
  return aggregates.find((aggregate) => presentTypesOf(aggregate).has(event.type))
}
