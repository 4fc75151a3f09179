import { ConfigurationError, InvalidCommandError, streamIdOf, type AnyAggregate } from '@tidemark/eventstore'
import { createHash, randomUUID } from 'node:crypto'
import { actorOf } from '../auth/guard.js'
import { ProblemError } from '../errors.js'
import { traceparentOf } from '../http/trace-context.js'
import type { CommandRequest } from './commands.js'
import { commandIdOf } from './idempotency-key.js'
import { demandedVersion } from './precondition.js'

/** A command as it was sent; all of it is JSON, but for the version. */
export interface SentCommand {
  readonly aggregateId: string
  readonly streamId: string
  readonly input: unknown
  /** Derived from the idempotency key; undefined without one. */
  readonly commandId: string | undefined
  readonly correlationId: string
  readonly actor: string | undefined
  readonly traceparent: string | undefined
  readonly expectedVersion: bigint | undefined
}

/** @throws {ProblemError} `invalid-id`, `invalid-header`. */
export function readSentCommand(aggregate: AnyAggregate, request: CommandRequest): SentCommand {
  const { headers, body: input = {}, params } = request
  const streamId = checkedStreamId(aggregate, params.id)
  const commandId = commandIdOf(headers['idempotency-key'], streamId)
  return {
    aggregateId: params.id,
    streamId,
    input,
    commandId,
    correlationId: correlationIdOf(headers['x-correlation-id']) ?? commandId ?? randomUUID(),
    actor: actorOf(request),
    traceparent: traceparentOf(request),
    expectedVersion: demandedVersion(headers),
  }
}

/** The same for what was sent twice, and another for everything else that may be sent under one key. */
export function fingerprintOf(command: string, { streamId, input }: SentCommand): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([command, streamId, input]))
    .digest()
}

/**
 * Checks the input of a command that is executed later, so that its sender learns of faults at once.
 *
 * @throws {InvalidCommandError}
 */
export function checkInput(aggregate: AnyAggregate, command: string, input: unknown): void {
  const parsed = aggregate.commands[command]?.schema.safeParse(input)
  if (parsed?.error) {
    const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
    throw new InvalidCommandError(`${aggregate.name}.${command}`, issues, { cause: parsed.error })
  }
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
