import { UnknownEventError, type RecordedEvent } from '@tidemark/eventstore'
import { EventNotPublishableError } from '../errors.js'
import type { PayloadSerializer } from '../payload-serializer.js'
import type { SetAside } from '../sql/parked-record-statements.js'
import type { BridgeDefinition } from './define-bridge.js'
import { isOfLane, type Lane } from './lane-names.js'
import { isWanted, keyOfEvent, recordOfEvent, topicOfEvent, type EventRecord } from './record-of-event.js'
import { isTopicTrouble, type TopicPartitions } from './topic-partitions.js'
import type { WaitingKeys } from './waiting-keys.js'

/** What records are made with. */
export interface PlanContext {
  readonly definition: BridgeDefinition
  readonly schema: string
  readonly topics: TopicPartitions
  readonly maxMessageBytes: number
  readonly serializer: PayloadSerializer | undefined
}

/** All keys. */
const wholeBridge: Lane = { index: 0, count: 1 }

/** What becomes of some events. */
export interface RecordPlan {
  readonly records: readonly EventRecord[]
  /** What is parked before anything is sent. */
  readonly setAside: readonly SetAside[]
  /** Why nothing behind the records may be sent: the bridge halts instead of parking, or this code does not know an event. */
  readonly obstacle: EventNotPublishableError | UnknownEventError | undefined
}

/**
 * Makes records of events, in their order.
 *
 * What cannot be published makes later events of its key wait; `waiting` learns of it. Of a lane only its own keys count. An event whose key cannot be made
 * is set aside by every lane, for later events of its stream may be in any.
 */
export async function planRecords(
  context: PlanContext,
  events: readonly RecordedEvent[],
  waiting: WaitingKeys,
  lane: Lane = wholeBridge,
): Promise<RecordPlan> {
  const records: EventRecord[] = []
  const setAside: SetAside[] = []
  for (const event of events) {
    try {
      if (!isWanted(context.definition, event)) continue
      const key = keyOfEvent(context.definition, event)
      if (!isOfLane(key, lane)) continue
      if (waiting.holds(event, key)) {
        setAside.push({ event, key, error: undefined })
        waiting.add(event, key)
      } else {
        records.push(await makeRecord(context, event))
      }
    } catch (error) {
      if (error instanceof UnknownEventError) return { records, setAside, obstacle: error }
      if (!(error instanceof EventNotPublishableError)) throw error
      const key = error.key ?? keyIfAny(context.definition, event)
      if (!isOfLane(key, lane)) continue
      if (context.definition.onUnpublishable === 'halt') return { records, setAside, obstacle: error }
      setAside.push({ event, key, error })
      waiting.add(event, key)
    }
  }
  return { records, setAside, obstacle: undefined }
}

/** @throws {EventNotPublishableError} it cannot be published as it is, or its topic has not been there for long. */
export async function makeRecord(context: PlanContext, event: RecordedEvent): Promise<EventRecord> {
  const { definition, schema, topics, maxMessageBytes, serializer } = context
  const key = keyOfEvent(definition, event)
  const topic = topicOfEvent(definition, event, key)
  await learnTopic(context, event, { key, topic })
  return recordOfEvent(definition, event, {
    ...{ schema, maxMessageBytes },
    partitionCountOf: (each) => topics.countOf(each),
    payload: serializer && {
      value: await serializer.serialize(event, topic),
      contentType: serializer.contentType,
      event: serializer.present(event),
    },
  })
}

async function learnTopic(
  { definition, topics }: PlanContext,
  event: RecordedEvent,
  { key, topic }: { readonly key: string; readonly topic: string },
): Promise<void> {
  const refuse = (cause: Error) => new EventNotPublishableError(event, { key, reason: cause.message, cause })
  const refusal = topics.refusalOf(topic)
  if (refusal) throw refuse(refusal)
  try {
    await topics.learn([topic])
  } catch (error) {
    if (definition.onUnpublishable === 'halt' || !isTopicTrouble(error) || !topics.lasts(topic, error)) throw error
    throw refuse(error)
  }
}

/** Where a predicate failed, the key may be known all the same. */
export function keyIfAny(definition: BridgeDefinition, event: RecordedEvent): string | undefined {
  try {
    return keyOfEvent(definition, event)
  } catch {
    return undefined
  }
}
