import type { AnyAggregate, EventStore } from '@tidemark/eventstore'
import type { FastifyBaseLogger } from 'fastify'
import { v7 as uuidv7 } from 'uuid'
import { ProblemError } from '../errors.js'
import { problemOfError } from '../http/problem-of-error.js'
import { problemTypes } from '../http/problem-types.js'
import type { StoreEpoch } from '../http/store-epoch.js'
import { problemOfRefusal, refusalOf, type ExecutedCommand } from './command-outcome.js'
import { executeSentCommand } from './execute-sent-command.js'
import { fingerprintOf, type SentCommand } from './sent-command.js'
import { claimCommandRequest, type Claim, type ClaimLimits } from './sql/claim-command-request.js'
import { finishCommandRequest, forgetCommandRequest, postponeCommandRequest } from './sql/finish-command-request.js'
import type { StreamsOfCaller } from './streams-of-caller.js'

/** What an answer is made of: what was done, and the state after it where this request did it. */
export interface Executed {
  readonly executed: ExecutedCommand
  readonly state?: unknown
}

/** A command that will be executed. */
export interface PutDown {
  readonly accepted: string
}

/** The JSON that a command is put down with. */
export interface StoredRequest {
  readonly aggregate: string
  readonly command: string
  readonly sent: Omit<SentCommand, 'expectedVersion'> & { readonly expectedVersion?: string }
}

/**
 * Remembers commands in the database: what was sent under an idempotency key, and what is to be executed later.
 *
 * What is kept is what the aggregate decided. A failure of ours is not, nor a request that was wrong. When a process dies on the way, the next with the
 * same key executes the command again, and the ids of its events, which derive from the key, make the store give the first outcome.
 */
export class CommandRequests {
  constructor(
    private readonly store: EventStore,
    private readonly epoch: StoreEpoch,
    readonly limits: ClaimLimits,
    private readonly log: Pick<FastifyBaseLogger, 'warn'>,
  ) {}

  /** Executes a command at once, unless its key has an outcome already. */
  async execute(
    { store, tenant }: StreamsOfCaller,
    aggregate: AnyAggregate,
    command: string,
    sent: SentCommand & { readonly commandId: string },
  ): Promise<Executed | PutDown> {
    const { database } = this.store
    const name = `${aggregate.name}.${command}`
    const { commandId: id, streamId } = sent
    const key = { tenant, id, streamId, command: name, fingerprint: fingerprintOf(name, sent) }
    const claim = await claimCommandRequest(database, key, this.limits)
    if (claim.state !== 'claimed') return outcomeBefore(id, claim)
    const mine = { tenant, id, attempt: claim.attempt }
    try {
      const done = await executeSentCommand(store, this.epoch, aggregate, command, sent)
      await this.attempt(() => finishCommandRequest(database, mine, 'done', done.executed))
      return done
    } catch (error) {
      const problem = problemOfError(error)
      await this.attempt(() => {
        if (problem.problem === 'command-rejected')
          return finishCommandRequest(database, mine, 'rejected', refusalOf(problem))
        // Whether it was executed may be unknown, so the key stays that of this command.
        if (problemTypes[problem.problem].status >= 500) return postponeCommandRequest(database, mine, 0)
        return forgetCommandRequest(database, mine)
      })
      throw error
    }
  }

  /** Puts a command down for whoever has time. */
  async putDown(
    { tenant }: StreamsOfCaller,
    aggregate: AnyAggregate,
    command: string,
    sent: SentCommand,
  ): Promise<Executed | PutDown> {
    const name = `${aggregate.name}.${command}`
    const id = sent.commandId ?? uuidv7()
    const { expectedVersion, ...rest } = sent
    const request: StoredRequest = {
      aggregate: aggregate.name,
      command,
      sent: {
        ...rest,
        commandId: id,
        ...(expectedVersion !== undefined && { expectedVersion: String(expectedVersion) }),
      },
    }
    const key = { tenant, id, streamId: sent.streamId, command: name, fingerprint: fingerprintOf(name, sent) }
    const claim = await claimCommandRequest(this.store.database, key, this.limits, JSON.stringify(request))
    if (claim.state === 'refused') {
      throw new ProblemError('overloaded', 'too many commands wait to be executed: try again later', {
        headers: { 'retry-after': '5' },
      })
    }
    return claim.state === 'claimed' ? { accepted: id } : outcomeBefore(id, claim)
  }

  /** Notes something about a command whose outcome stands whether or not that works. */
  private async attempt(note: () => Promise<void>): Promise<void> {
    try {
      await note()
    } catch (error) {
      this.log.warn({ err: error }, 'what became of a command was not noted: its key is free again when its claim ends')
    }
  }
}

/** What a command came to that was sent before. */
function outcomeBefore(id: string, claim: Exclude<Claim, { state: 'claimed' }>): Executed | PutDown {
  if (claim.state !== 'refused' && !claim.isSame) {
    throw new ProblemError(
      'idempotency-key-reused',
      'the Idempotency-Key was sent with another command or body: make a new key for each new command',
    )
  }
  if (claim.state !== 'refused' && claim.asynchronous) return { accepted: id }
  if (claim.state === 'refused' || !claim.outcome) {
    throw new ProblemError(
      'idempotency-key-in-use',
      'the command with this Idempotency-Key is being executed: send it again for its outcome',
      { headers: { 'retry-after': '1' } },
    )
  }
  if ('problem' in claim.outcome) throw problemOfRefusal(claim.outcome)
  return { executed: claim.outcome }
}
