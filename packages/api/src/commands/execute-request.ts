import {
  ConfigurationError,
  streamIdOf,
  VersionConflictError,
  type AnyAggregate,
  type EventStore,
  type ExecuteResult,
} from '@tidemark/eventstore'
import type { FastifyReply } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { CommandRequest } from './commands.js'
import { encodeToken } from '../http/consistency-token.js'
import { ProblemError } from '../errors.js'
import { commandIdOf } from './idempotency-key.js'
import { demandedVersion } from './precondition.js'
import { parsePrefer } from '../http/prefer-header.js'
import type { StoreEpoch } from '../http/store-epoch.js'
import { traceparentOf } from '../http/trace-context.js'

interface Context {
  readonly store: EventStore
  readonly epoch: StoreEpoch
}

/** Executes the command of a request, and answers with what it did. */
export async function executeRequest(
  { store, epoch }: Context,
  aggregate: AnyAggregate,
  command: string,
  request: CommandRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { headers, body = {} } = request
  const { id } = request.params
  const streamId = checkedStreamId(aggregate, id)
  const commandId = commandIdOf(headers['idempotency-key'], streamId)
  const correlationId = correlationIdOf(headers['x-correlation-id']) ?? commandId ?? randomUUID()
  const traceparent = traceparentOf(request)
  const expectedVersion = demandedVersion(headers)
  void reply.header('x-correlation-id', correlationId)

  const result = await store
    .execute(aggregate, id, command, body, {
      correlationId,
      ...(commandId !== undefined && { commandId }),
      ...(traceparent !== undefined && { traceparent }),
      ...(expectedVersion !== undefined && { expectedVersion }),
    })
    .catch((error: unknown) => {
      throw expectedVersion === undefined ? error : preconditionFailed(error)
    })

  const position = await standingPosition(store, result)
  const { representation } = parsePrefer(headers.prefer)
  if (representation) void reply.header('preference-applied', 'return=representation')
  const isNew = result.events.length > 0 && result.version === BigInt(result.events.length)
  return reply
    .code(isNew ? 201 : 200)
    .headers({
      etag: `"${result.version}"`,
      'consistency-token': encodeToken({ epoch: await epoch.current(), position }),
      'cache-control': 'no-store',
    })
    .send({
      streamId,
      version: result.version,
      position,
      events: result.events,
      ...(representation && { state: result.state }),
    })
}

function checkedStreamId(aggregate: AnyAggregate, id: string): string {
  try {
    return streamIdOf(aggregate.name, id)
  } catch (error) {
    if (error instanceof ConfigurationError) throw new ProblemError('invalid-id', error.message, { cause: error })
    throw error
  }
}

function correlationIdOf(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (typeof header === 'string' && /^[\x21-\x7e]{1,200}$/.test(header)) return header
  throw new ProblemError('invalid-header', 'the header X-Correlation-Id is 1 to 200 visible ASCII characters', {
    errors: [{ parameter: 'X-Correlation-Id', detail: '1 to 200 visible ASCII characters' }],
  })
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
  store: EventStore,
  { position, version, streamId, events }: ExecuteResult<unknown>,
): Promise<bigint> {
  if (events.length > 0 || version === 0n) return position
  const [last] = await store.readStream(streamId, { fromVersion: version, limit: 1 })
  return last?.position ?? position
}
