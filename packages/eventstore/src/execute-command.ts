import type { AppendResult, AppendedEvent } from './append-outcome.js'
import type { Database } from './database.js'
import type { AnyAggregate, Rejection, StateOf } from './define-aggregate.js'
import {
  CommandRejectedError,
  EventIdConflictError,
  InvalidCommandError,
  UnknownCommandError,
  VersionConflictError,
} from './errors.js'
import type { EventMetadata, NewEvent } from './event.js'
import { checkUuid, deriveEventId } from './event-id.js'
import {
  advance,
  catchUp,
  loadAggregate,
  newestVersion,
  type LoadContext,
  type Standing,
  type StandingEvent,
} from './load-aggregate.js'
import { jsonPath } from './serialize-event.js'
import { selectEventsById } from './sql/select-events-by-id.js'
import type { SerializedEvent, StreamAppend } from './sql/insert-events.js'
import { selectStream } from './sql/select-stream.js'
import { streamIdOf } from './stream-id.js'
import type { StreamTurns } from './stream-turns.js'
import { StreamTruncatedError } from './truncation-errors.js'

export interface ExecuteOptions {
  /** A UUID of the command: sent again, it returns its first outcome. */
  readonly commandId?: string
  /** The version that the caller decided on: a conflict is then thrown, not retried. */
  readonly expectedVersion?: bigint
  /** The conversation; the command's id, or a new id, unless said. */
  readonly correlationId?: string
  /** What led to the command; its own id unless said. */
  readonly causationId?: string
  readonly actor?: string
  readonly traceparent?: string
  /** More metadata for its events. */
  readonly metadata?: EventMetadata
  readonly signal?: AbortSignal
}

export interface ExecuteResult<State> {
  readonly streamId: string
  /** The state after the command. */
  readonly state: State
  readonly version: bigint
  /** The position of its last event; 0 for a command without events. */
  readonly position: bigint
  readonly events: readonly AppendedEvent[]
  /** True when the command had been executed before, and this call changed nothing. */
  readonly duplicate: boolean
}

export interface ExecuteContext extends LoadContext {
  readonly generateId: () => string
  readonly serialize: (streamId: string, event: NewEvent, aggregate: AnyAggregate) => SerializedEvent
  readonly append: (part: StreamAppend, signal: AbortSignal | undefined) => Promise<AppendResult>
  readonly turns: StreamTurns
}

const maxTries = 50

/** Loads, decides and appends; the standing that it returns is what a snapshot can be made of. */
export async function executeCommand<A extends AnyAggregate>(
  context: ExecuteContext,
  aggregate: A,
  aggregateId: string,
  name: string,
  input: unknown,
  options: ExecuteOptions,
): Promise<{ result: ExecuteResult<StateOf<A>>; standing: Standing<StateOf<A>> }> {
  const streamId = streamIdOf(aggregate.name, aggregateId)
  const decide = decider(aggregate, streamId, name, input)
  const commandId = options.commandId === undefined ? undefined : checkUuid(options.commandId, 'command id')
  const work = { streamId, commandId, decide, metadata: metadataOf(context, commandId, options) }
  if (commandId === undefined) return decideAndAppend(context, aggregate, aggregateId, work, options)
  const outcomeBefore = async () => {
    const first = await firstOutcome(context.database, streamId, commandId)
    return first && outcomeAgain(context, aggregate, aggregateId, first)
  }
  const before = await outcomeBefore()
  if (before) return before
  // The same command may be executed between that look and the load, and what it did itself then speaks against it.
  try {
    const executed = await decideAndAppend(context, aggregate, aggregateId, work, options)
    return executed.result.events.length > 0 ? executed : ((await outcomeBefore()) ?? executed)
  } catch (error) {
    const meanwhile = mayComeOfItself(error) ? await outcomeBefore() : undefined
    if (meanwhile) return meanwhile
    throw error
  }
}

function mayComeOfItself(error: unknown): boolean {
  const kinds = [CommandRejectedError, VersionConflictError, EventIdConflictError]
  return kinds.some((kind) => error instanceof kind)
}

interface Work<State> {
  readonly streamId: string
  readonly commandId: string | undefined
  readonly decide: (state: State) => readonly NewEvent[]
  readonly metadata: EventMetadata
}

/** Takes its turn where the stream is contended already, and else goes on until it loses. */
async function decideAndAppend<A extends AnyAggregate>(
  context: ExecuteContext,
  aggregate: A,
  aggregateId: string,
  work: Work<StateOf<A>>,
  options: ExecuteOptions,
): Promise<{ result: ExecuteResult<StateOf<A>>; standing: Standing<StateOf<A>> }> {
  const { turns } = context
  let endTurn: (() => void) | undefined
  const awaitTurn = async () => {
    if (endTurn) return false
    endTurn = await turns.take(work.streamId)
    options.signal?.throwIfAborted()
    return true
  }
  try {
    if (options.expectedVersion === undefined && turns.isContended(work.streamId)) await awaitTurn()
    return await decideUntilAppended(context, aggregate, aggregateId, { ...work, awaitTurn }, options)
  } finally {
    endTurn?.()
  }
}

async function decideUntilAppended<A extends AnyAggregate>(
  context: ExecuteContext,
  aggregate: A,
  aggregateId: string,
  {
    streamId,
    commandId,
    decide,
    metadata,
    awaitTurn,
  }: Work<StateOf<A>> & { readonly awaitTurn: () => Promise<boolean> },
  options: ExecuteOptions,
): Promise<{ result: ExecuteResult<StateOf<A>>; standing: Standing<StateOf<A>> }> {
  let standing = await loadAggregate(context, aggregate, aggregateId)
  for (let attempt = 1; ; attempt++) {
    if (options.expectedVersion !== undefined && options.expectedVersion !== standing.version) {
      throw new VersionConflictError({
        streamId,
        expectedVersion: options.expectedVersion,
        actualVersion: standing.version,
      })
    }
    const decided = decide(standing.state)
    if (decided.length === 0) return { result: resultOf(streamId, standing, []), standing }
    const events = decided.map((event, index) => {
      const id = event.id ?? (commandId === undefined ? context.generateId() : deriveEventId(commandId, index))
      return context.serialize(streamId, { ...event, id, metadata: { ...metadata, ...event.metadata } }, aggregate)
    })
    try {
      const appended = await context.append({ streamId, expected: standing.version, events }, options.signal)
      if (appended.duplicate) return await outcomeAgain(context, aggregate, aggregateId, appended.events)
      standing = advance(aggregate, standing, recorded(streamId, events, appended.events))
      return { result: resultOf(streamId, standing, appended.events), standing }
    } catch (error) {
      if (!(error instanceof VersionConflictError) || options.expectedVersion !== undefined || attempt >= maxTries)
        throw error
      options.signal?.throwIfAborted()
      // Against the others of this process it has the turn from now on; others still may be faster.
      if (!(await awaitTurn())) await pauseBeforeRetry(attempt)
      standing = await catchUp(context, aggregate, aggregateId, standing).catch((failure: unknown) => {
        // The stream was truncated past what was loaded: there is a snapshot further on.
        if (failure instanceof StreamTruncatedError) return loadAggregate(context, aggregate, aggregateId)
        throw failure
      })
    }
  }
}

function decider<A extends AnyAggregate>(
  aggregate: A,
  streamId: string,
  name: string,
  input: unknown,
): (state: StateOf<A>) => readonly NewEvent[] {
  const definition = Object.hasOwn(aggregate.commands, name) ? aggregate.commands[name] : undefined
  if (!definition) throw new UnknownCommandError(aggregate.name, name, Object.keys(aggregate.commands))
  const parsed = definition.schema.safeParse(input)
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({ path: jsonPath(path), message }))
    throw new InvalidCommandError(`${aggregate.name}.${name}`, issues, { cause: parsed.error })
  }
  return (state) => {
    const decision = definition.decide(state, parsed.data)
    if (isRejection(decision)) throw new CommandRejectedError(streamId, name, decision.code, decision.reason)
    return isSeveral(decision) ? decision : [decision]
  }
}

function isRejection(decision: NewEvent | readonly NewEvent[] | Rejection): decision is Rejection {
  return 'rejected' in decision
}

function isSeveral(decision: NewEvent | readonly NewEvent[]): decision is readonly NewEvent[] {
  return Array.isArray(decision)
}

function metadataOf(context: ExecuteContext, commandId: string | undefined, options: ExecuteOptions): EventMetadata {
  const { actor, traceparent, metadata } = options
  const correlationId = options.correlationId ?? commandId ?? context.generateId()
  const causationId = options.causationId ?? commandId ?? correlationId
  return {
    ...metadata,
    correlationId,
    causationId,
    ...(actor !== undefined && { actor }),
    ...(traceparent !== undefined && { traceparent }),
  }
}

/** The events that were just stored, as a fold sees them: from their JSON, exactly as they will be read. */
function recorded(
  streamId: string,
  events: readonly SerializedEvent[],
  appended: readonly AppendedEvent[],
): StandingEvent[] {
  return events.map((event, index) => ({
    streamId,
    id: event.id,
    version: appended[index]?.version ?? 0n,
    position: appended[index]?.position ?? 0n,
    type: event.type,
    schemaVersion: event.schemaVersion,
    data: JSON.parse(event.data) as unknown,
    metadata: JSON.parse(event.metadata) as EventMetadata,
  }))
}

/** The events that a command appended when it was first executed; undefined when it never appended any. */
async function firstOutcome(
  database: Database,
  streamId: string,
  commandId: string,
): Promise<readonly AppendedEvent[] | undefined> {
  const firstId = deriveEventId(commandId, 0)
  const [first] = await selectEventsById(database, [firstId])
  if (!first) return undefined
  if (first.streamId !== streamId)
    throw new EventIdConflictError(streamId, firstId, `in stream "${first.streamId}", for the same command id`)
  const following: AppendedEvent[] = []
  for (let fromVersion = first.version; ;) {
    const page = await selectStream(database, streamId, {
      fromVersion,
      toVersion: newestVersion,
      limit: 100,
      direction: 'forwards',
    })
    for (const { id, version, position } of page) {
      if (id !== deriveEventId(commandId, following.length)) return following
      following.push({ id, version, position })
    }
    if (page.length < 100) return following
    fromVersion += 100n
  }
}

/** The result of a command that had been executed before: the state right after its events, which other events may have followed. */
async function outcomeAgain<A extends AnyAggregate>(
  context: LoadContext,
  aggregate: A,
  aggregateId: string,
  events: readonly AppendedEvent[],
): Promise<{ result: ExecuteResult<StateOf<A>>; standing: Standing<StateOf<A>> }> {
  const last = events.at(-1)
  const standing = await loadAggregate(context, aggregate, aggregateId, last?.version)
  const result = resultOf(streamIdOf(aggregate.name, aggregateId), standing, events)
  return { result: { ...result, position: last?.position ?? 0n, duplicate: true }, standing }
}

function resultOf<State>(
  streamId: string,
  standing: Standing<State>,
  events: readonly AppendedEvent[],
): ExecuteResult<State> {
  const { state, version } = standing
  return { streamId, state, version, position: events.at(-1)?.position ?? 0n, events, duplicate: false }
}

/** A random part of a doubling limit: those who lost the same race come back one by one. */
async function pauseBeforeRetry(attempt: number): Promise<void> {
  const limitMs = Math.min(2 ** attempt, 64)
  await new Promise((resolve) => setTimeout(resolve, Math.random() * limitMs))
}
