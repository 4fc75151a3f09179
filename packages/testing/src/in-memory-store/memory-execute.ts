import {
  CommandRejectedError,
  deriveEventId,
  EventIdConflictError,
  fold,
  InvalidCommandError,
  streamIdOf,
  UnknownCommandError,
  VersionConflictError,
  type AnyAggregate,
  type AppendedEvent,
  type EventMetadata,
  type ExecuteOptions,
  type ExecuteResult,
  type NewEvent,
  type StateOf,
} from '@tidemark/eventstore'
import { checkUuid, type SerializedEvent } from '@tidemark/eventstore/store-kit'
import { decide } from '../decide.js'
import type { MemoryLog } from './memory-log.js'

/** What executing needs besides the log. */
export interface MemoryContext {
  readonly generateId: () => string
  readonly serialize: (streamId: string, event: NewEvent, aggregate: AnyAggregate | undefined) => SerializedEvent
}

/** Loads, decides and appends at once: nobody can come between, so there is nothing to decide again. */
export function executeInMemory<A extends AnyAggregate>(
  log: MemoryLog,
  { generateId, serialize }: MemoryContext,
  aggregate: A,
  aggregateId: string,
  command: { readonly name: string; readonly input: unknown },
  options: ExecuteOptions,
): ExecuteResult<StateOf<A>> {
  const { name, input } = command
  const streamId = streamIdOf(aggregate.name, aggregateId)
  if (!Object.hasOwn(aggregate.commands, name))
    throw new UnknownCommandError(aggregate.name, name, Object.keys(aggregate.commands))
  const state = stateAt(log, aggregate, streamId)
  const decided = decide(aggregate, state, name, input)
  if (decided.kind === 'invalid') throw new InvalidCommandError(`${aggregate.name}.${name}`, decided.issues)
  const commandId = options.commandId === undefined ? undefined : checkUuid(options.commandId, 'command id')
  if (commandId !== undefined) {
    const first = firstOutcome(log, streamId, commandId)
    if (first) return outcomeAgain(log, aggregate, streamId, first)
  }
  const version = log.versionOf(streamId)
  if (options.expectedVersion !== undefined && options.expectedVersion !== version)
    throw new VersionConflictError({ streamId, expectedVersion: options.expectedVersion, actualVersion: version })
  if (decided.kind === 'rejected') throw new CommandRejectedError(streamId, name, decided.code, decided.reason)
  if (decided.events.length === 0) return { streamId, state, version, position: 0n, events: [], duplicate: false }
  const metadata = metadataOf(commandId, generateId, options)
  const events = decided.events.map((event, index) => {
    const id = event.id ?? (commandId === undefined ? generateId() : deriveEventId(commandId, index))
    return serialize(streamId, { ...event, id, metadata: { ...metadata, ...event.metadata } }, aggregate)
  })
  const appended = log.append({ streamId, expected: version, events })
  if (appended.duplicate) return outcomeAgain(log, aggregate, streamId, appended.events)
  return { ...appended, state: stateAt(log, aggregate, streamId) }
}

/** The fold of a stream, up to a version. */
export function stateAt<A extends AnyAggregate>(
  log: MemoryLog,
  aggregate: A,
  streamId: string,
  toVersion?: bigint,
): StateOf<A> {
  return fold(aggregate, aggregate.initialState() as StateOf<A>, log.stream(streamId, 1n, toVersion))
}

function firstOutcome(log: MemoryLog, streamId: string, commandId: string): AppendedEvent[] | undefined {
  const firstId = deriveEventId(commandId, 0)
  const first = log.eventById(firstId)
  if (!first) return undefined
  if (first.streamId !== streamId)
    throw new EventIdConflictError(streamId, firstId, `in stream "${first.streamId}", for the same command id`)
  const following = log.stream(streamId, first.version)
  const end = following.findIndex(({ id }, index) => id !== deriveEventId(commandId, index))
  return following
    .slice(0, end < 0 ? following.length : end)
    .map(({ id, version, position }) => ({ id, version, position }))
}

function outcomeAgain<A extends AnyAggregate>(
  log: MemoryLog,
  aggregate: A,
  streamId: string,
  events: readonly AppendedEvent[],
): ExecuteResult<StateOf<A>> {
  const { version = 0n, position = 0n } = events.at(-1) ?? {}
  return { streamId, state: stateAt(log, aggregate, streamId, version), version, position, events, duplicate: true }
}

function metadataOf(
  commandId: string | undefined,
  generateId: () => string,
  { actor, traceparent, metadata, ...given }: ExecuteOptions,
): EventMetadata {
  const correlationId = given.correlationId ?? commandId ?? generateId()
  return {
    ...metadata,
    correlationId,
    causationId: given.causationId ?? commandId ?? correlationId,
    ...(actor !== undefined && { actor }),
    ...(traceparent !== undefined && { traceparent }),
  }
}
