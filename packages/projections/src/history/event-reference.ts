import type { RecordedEvent } from '@tidemark/eventstore'

/** An event, told by where it is and what led to it; without its data. */
export interface EventReference {
  readonly eventId: string
  /** What the type is called at present. */
  readonly type: string
  readonly position: bigint
  readonly streamId: string
  readonly version: bigint
  readonly recordedAt: Date
  readonly correlationId?: string
  readonly causationId?: string
  readonly actor?: string
}

export function referenceTo({ id, metadata, ...event }: RecordedEvent): EventReference {
  const { type, position, streamId, version, recordedAt } = event
  const { correlationId, causationId, actor } = metadata
  return {
    ...{ eventId: id, type, position, streamId, version, recordedAt },
    ...(correlationId !== undefined && { correlationId }),
    ...(causationId !== undefined && { causationId }),
    ...(actor !== undefined && { actor }),
  }
}
