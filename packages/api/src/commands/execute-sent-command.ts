import { VersionConflictError, type AnyAggregate, type ExecuteResult, type StreamStore } from '@tidemark/eventstore'
import { ProblemError } from '../errors.js'
import { encodeToken } from '../http/consistency-token.js'
import type { StoreEpoch } from '../http/store-epoch.js'
import type { ExecutedCommand } from './command-outcome.js'
import type { SentCommand } from './sent-command.js'

/** Executes a command, and says what it did; `state` is the one after it. */
export async function executeSentCommand(
  store: StreamStore,
  epoch: StoreEpoch,
  aggregate: AnyAggregate,
  command: string,
  { aggregateId, input, commandId, correlationId, actor, traceparent, expectedVersion }: SentCommand,
): Promise<{ readonly executed: ExecutedCommand; readonly state: unknown }> {
  const result = await store
    .execute(aggregate, aggregateId, command, input, {
      correlationId,
      ...(commandId !== undefined && { commandId }),
      ...(actor !== undefined && { actor }),
      ...(traceparent !== undefined && { traceparent }),
      ...(expectedVersion !== undefined && { expectedVersion }),
    })
    .catch((error: unknown) => {
      throw expectedVersion === undefined ? error : preconditionFailed(error)
    })
  const position = await standingPosition(store, result)
  const isNew = result.events.length > 0 && result.version === BigInt(result.events.length)
  const executed: ExecutedCommand = {
    status: isNew ? 201 : 200,
    streamId: result.streamId,
    version: String(result.version),
    position: String(position),
    events: result.events.map((event) => ({
      id: event.id,
      version: String(event.version),
      position: String(event.position),
    })),
    token: encodeToken({ epoch: await epoch.current(), position }),
  }
  return { executed, state: result.state }
}

function preconditionFailed(error: unknown): unknown {
  if (!(error instanceof VersionConflictError)) return error
  const version = String(error.actualVersion)
  return new ProblemError('precondition-failed', error.message, {
    cause: error,
    headers: { etag: `"${version}"` },
    members: { version },
  })
}

/**
 * The position of the last event that the answer shows. A command without events has none of its own, and a caller that waits for
 * its token still wants to see what the command saw.
 */
async function standingPosition(
  store: StreamStore,
  { position, version, streamId, events }: ExecuteResult<unknown>,
): Promise<bigint> {
  if (events.length > 0 || version === 0n) return position
  const [last] = await store.readStream(streamId, { fromVersion: version, limit: 1 })
  return last?.position ?? position
}
