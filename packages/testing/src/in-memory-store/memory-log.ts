import { isDeepStrictEqual } from 'node:util'
import {
  EventIdConflictError,
  partsOf,
  VersionConflictError,
  type AppendedEvent,
  type AppendResult,
  type EventMetadata,
  type EventStoreError,
  type LogFilter,
  type RecordedEvent,
} from '@tidemark/eventstore'
import { meetsExpectation, type SerializedEvent } from '@tidemark/eventstore/store-kit'

/** What one stream gets: its events, or only a check of its expectation when there are none. */
export interface MemoryPart {
  readonly streamId: string
  /** Encoded by `encodeExpectedVersion`. */
  readonly expected: bigint
  readonly events: readonly SerializedEvent[]
}

/** An event as it is kept: its JSON as text, so that nobody can change it through what was read. */
interface KeptEvent extends Omit<SerializedEvent, 'recordedAt'>, AppendedEvent {
  readonly streamId: string
  readonly recordedAt: Date
}

type Outcome = 'new' | { readonly result: AppendResult } | { readonly error: EventStoreError }

/** Events in an array, with the outcomes of appends that Postgres would give; every call is done when it returns. */
export class MemoryLog {
  private readonly events: KeptEvent[] = []
  private readonly byId = new Map<string, KeptEvent>()
  private readonly byStream = new Map<string, KeptEvent[]>()
  private readonly listeners = new Set<() => void>()

  constructor(private readonly clock: () => Date) {}

  get head(): bigint {
    return BigInt(this.events.length)
  }

  /** Calls back after every append; returns the way to stop it. */
  onAppend(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** Appends to one stream, or throws why not. */
  append(part: MemoryPart): AppendResult {
    const outcome = this.judge(part)
    if (outcome === 'new') return this.keep(part)
    if ('error' in outcome) throw outcome.error
    return outcome.result
  }

  /** Appends all parts or none. */
  appendAll(parts: readonly MemoryPart[]): AppendResult[] {
    const judged = parts.map((part) => ({ part, outcome: this.judge(part) }))
    const appends = judged.filter(({ part }) => part.events.length > 0)
    const firstTime = appends.every(({ outcome }) => outcome === 'new')
    const storedBefore = appends.every(({ outcome }) => typeof outcome === 'object' && 'result' in outcome)
    for (const { outcome } of judged)
      if (!storedBefore && typeof outcome === 'object' && 'error' in outcome) throw outcome.error
    if (!storedBefore && !firstTime) throw splitError(appends.map(({ outcome }) => outcome))
    return judged.map(({ part, outcome }) => {
      if (part.events.length === 0) return resultOf(part.streamId, [], false, this.versionOf(part.streamId))
      return typeof outcome === 'object' && 'result' in outcome ? outcome.result : this.keep(part)
    })
  }

  eventById(id: string): RecordedEvent | undefined {
    const kept = this.byId.get(id)
    return kept && recorded(kept)
  }

  versionOf(streamId: string): bigint {
    return BigInt(this.byStream.get(streamId)?.length ?? 0)
  }

  /** The version that a stream was at at a time. */
  versionAt(streamId: string, at: Date): bigint {
    return this.byStream.get(streamId)?.findLast(({ recordedAt }) => recordedAt <= at)?.version ?? 0n
  }

  /** A stream's events from version `from` to version `to`, upwards. */
  stream(streamId: string, from = 1n, to?: bigint): RecordedEvent[] {
    const kept = this.byStream.get(streamId) ?? []
    return kept.filter(({ version }) => version >= from && (to === undefined || version <= to)).map(recorded)
  }

  /** The next events of the log after a position that match a filter. */
  after(position: bigint, limit: number, { categories, types }: LogFilter): RecordedEvent[] {
    const found: RecordedEvent[] = []
    for (let index = Number(position); index < this.events.length && found.length < limit; index++) {
      const kept = this.events[index]
      if (!kept || (types && !types.includes(kept.type))) continue
      if (categories && !categories.includes(partsOf(kept.streamId).category)) continue
      found.push(recorded(kept))
    }
    return found
  }

  /** The id of the event at a position. */
  idAt(position: bigint): string | undefined {
    return this.events[Number(position) - 1]?.id
  }

  private judge({ streamId, expected, events }: MemoryPart): Outcome {
    const actualVersion = this.versionOf(streamId)
    const holds = meetsExpectation(expected, actualVersion)
    const found: AppendedEvent[] = []
    for (const event of events) {
      const kept = this.byId.get(event.id)
      if (!kept) continue
      const difference = differenceOf(streamId, event, kept)
      if (difference) return { error: new EventIdConflictError(streamId, event.id, difference) }
      found.push({ id: kept.id, version: kept.version, position: kept.position })
    }
    const [first] = found
    if (first && found.length === events.length) return { result: resultOf(streamId, found, true) }
    if (first) return { error: new EventIdConflictError(streamId, first.id, 'without the others of this append') }
    if (holds) return 'new'
    const expectedVersion = expected === -2n ? 'stream-exists' : expected === 0n ? 'no-stream' : expected
    return { error: new VersionConflictError({ streamId, expectedVersion, actualVersion }) }
  }

  private keep({ streamId, events }: MemoryPart): AppendResult {
    const stream = this.byStream.get(streamId) ?? []
    this.byStream.set(streamId, stream)
    const appended = events.map((event) => {
      const place = { id: event.id, version: BigInt(stream.length + 1), position: this.head + 1n }
      const kept = { ...event, ...place, streamId, recordedAt: this.clock() }
      this.events.push(kept)
      stream.push(kept)
      this.byId.set(event.id, kept)
      return place
    })
    for (const listener of this.listeners) listener()
    return resultOf(streamId, appended, false)
  }
}

function resultOf(
  streamId: string,
  events: readonly AppendedEvent[],
  duplicate: boolean,
  version = events.at(-1)?.version ?? 0n,
): AppendResult {
  return { streamId, version, position: events.at(-1)?.position ?? 0n, events, duplicate }
}

function differenceOf(streamId: string, event: SerializedEvent, kept: KeptEvent): string | undefined {
  if (kept.streamId !== streamId) return `in stream "${kept.streamId}"`
  if (kept.type !== event.type) return `as ${kept.type}`
  if (kept.schemaVersion !== event.schemaVersion) return `at schema version ${kept.schemaVersion}`
  return isDeepStrictEqual(JSON.parse(kept.data), JSON.parse(event.data)) ? undefined : 'with other data'
}

/** Some parts of an append were stored before, and others were not. */
function splitError(outcomes: readonly Outcome[]): EventIdConflictError {
  for (const outcome of outcomes) {
    if (outcome === 'new' || 'error' in outcome) continue
    const { streamId, events } = outcome.result
    return new EventIdConflictError(streamId, events[0]?.id ?? '', 'without the other streams of this append')
  }
  throw new TypeError('no part was stored before')
}

function recorded({ data, metadata, recordedAt, ...kept }: KeptEvent): RecordedEvent {
  return {
    position: kept.position,
    id: kept.id,
    streamId: kept.streamId,
    ...partsOf(kept.streamId),
    version: kept.version,
    type: kept.type,
    schemaVersion: kept.schemaVersion,
    data: JSON.parse(data) as unknown,
    metadata: JSON.parse(metadata) as EventMetadata,
    recordedAt: new Date(recordedAt),
  }
}
