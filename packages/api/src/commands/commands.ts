import type { AnyAggregate, EventStore } from '@tidemark/eventstore'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { guard, principalOf, type GuardOptions } from '../auth/guard.js'
import { ApiConfigurationError, ProblemError } from '../errors.js'
import { useJson } from '../http/json-context.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import { parsePrefer } from '../http/prefer-header.js'
import { answerWithProblems, type ProblemResponseOptions } from '../http/problem-responses.js'
import { undocumented } from '../http/route-document.js'
import { refuseForeignOrigin } from '../http/same-origin.js'
import { StoreEpoch } from '../http/store-epoch.js'
import { answerAccepted, answerExecuted } from './answer-command.js'
import { documentCommand } from './command-document.js'
import { CommandRequests } from './command-requests.js'
import { checkRules, ruleOf, type CommandRule, type CommandRules } from './command-rules.js'
import { serveCommandStatus } from './command-status.js'
import { CommandWorker } from './command-worker.js'
import { executeSentCommand } from './execute-sent-command.js'
import { checkInput, readSentCommand, type SentCommand } from './sent-command.js'
import { CallersStreams } from './streams-of-caller.js'

export interface CommandsOptions extends ProblemResponseOptions, GuardOptions {
  readonly store: EventStore
  /** The aggregates whose commands can be sent. */
  readonly aggregates: readonly AnyAggregate[]
  /** Which commands need a version, and which are executed after they were answered; none unless said. */
  readonly commandRules?: CommandRules
  /** Origins of web pages, such as `https://shop.example`, that may send commands besides those of this server. */
  readonly allowedOrigins?: readonly string[]
  /** How long the outcome of a command with an `Idempotency-Key` is kept; 24 hours unless said. */
  readonly idempotencyLifetimeMs?: number
  /** After how long a command is given to another process when nothing is heard of the one that has it; 30,000 ms unless said. */
  readonly commandLeaseMs?: number
  /** How many commands may wait to be executed, of all processes together; 1,000 unless said. */
  readonly maxWaitingCommands?: number
}

/** A command's request: the id of the aggregate is in its path. */
export type CommandRequest = FastifyRequest<{ Params: { id: string } }>

/** What all commands of a server have in common. */
interface Context {
  readonly prefix: string
  readonly streams: CallersStreams
  readonly epoch: StoreEpoch
  readonly requests: CommandRequests
  readonly worker: CommandWorker
}

/**
 * A Fastify plugin that takes commands: `POST {aggregate}/{id}/{command}` with the input as JSON.
 *
 * 201 when the command made the stream, else 200, with the version as `ETag` and a `Consistency-Token` that reads can wait for.
 * An `Idempotency-Key` makes it safe to send again: the first outcome is kept for a day. `If-Match` demands a version (412), `Prefer:
 * return=representation` asks for the new state. With `Prefer: respond-async`, and for commands that are declared asynchronous, the answer is 202 with
 * the `Location` of a resource, `commands/{id}`, that says what became of it. Register it under a prefix, such as `/v1`.
 *
 * In a store with tenancy a command goes to the streams of its caller's tenant.
 *
 * @throws {ApiConfigurationError} two aggregates have one name, a command's name cannot stand in a path, or a rule is for no command.
 *
 * @example
 * await app.register(commands, { prefix: '/v1', authentication, store, aggregates: [Order], commandRules: { 'order.cancel': { requireIfMatch: true } } })
 */
export const commands: FastifyPluginAsync<CommandsOptions> = async (app, options) => {
  const { store, aggregates, allowedOrigins = [], commandRules = {}, problemBase = '/problems/' } = options
  const byName = indexAggregates(aggregates)
  checkRules(commandRules, aggregates)
  const limits = {
    leaseMs: options.commandLeaseMs ?? 30_000,
    lifetimeMs: options.idempotencyLifetimeMs ?? 24 * 3_600_000,
    maxWaiting: options.maxWaitingCommands ?? 1000,
  }
  const { database } = store
  const epoch = new StoreEpoch(store)
  const streams = new CallersStreams(store)
  const requests = new CommandRequests(store, epoch, limits, app.log)
  const { leaseMs } = limits
  const worker = new CommandWorker({ database, streams, epoch, aggregates: byName, leaseMs, log: app.log })
  const context: Context = { prefix: app.prefix, streams, epoch, requests, worker }
  if (aggregates.length > 0) {
    app.addHook('onReady', async () => worker.wake())
    app.addHook('preClose', () => worker.stop())
  }
  useJson(app)
  answerWithProblems(app, options)
  guard(app, options, 'writer')
  app.addHook('onRequest', async (request) => refuseForeignOrigin(request, allowedOrigins))
  serveCommandStatus(app, { database, streams, problemBase })
  for (const aggregate of aggregates) {
    for (const command of Object.keys(aggregate.commands)) {
      const rule = ruleOf(commandRules, aggregate.name, command)
      const url = `/${aggregate.name}/:id/${command}`
      const handler = (request: CommandRequest, reply: FastifyReply) =>
        takeCommand(context, aggregate, command, rule, request, reply)
      app.route({ method: 'POST', url, schema: documentCommand(aggregate, command, rule), handler })
      refuseOtherMethods(app, url, ['POST'])
    }
  }
  const refuse = async (request: FastifyRequest) => {
    throw unknownCommand(byName, request.params as Partial<Record<'aggregate' | 'command', string>>)
  }
  for (const url of ['/:aggregate/:id/:command', '/:aggregate/:id', '/:aggregate']) {
    app.route({ method: 'POST', url, schema: undocumented, onRequest: refuse, handler: refuse })
  }
}

/** Executes the command of a request, or puts it down, and answers. */
async function takeCommand(
  { prefix, streams, epoch, requests, worker }: Context,
  aggregate: AnyAggregate,
  command: string,
  rule: CommandRule,
  request: CommandRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const sent = readSentCommand(aggregate, request)
  void reply.header('x-correlation-id', sent.correlationId)
  if (rule.requireIfMatch && sent.expectedVersion === undefined) {
    const detail = `send If-Match with the version that ${command} was decided on, as the ETag of an answer has it, or If-None-Match: * for a new ${aggregate.name}`
    throw new ProblemError('precondition-required', detail)
  }
  const own = await streams.of(principalOf(request))
  const isAsynchronous = rule.asynchronous === true || parsePrefer(request.headers.prefer).respondAsync
  if (isAsynchronous) checkInput(aggregate, command, sent.input)
  const did = isAsynchronous
    ? await requests.putDown(own, aggregate, command, sent)
    : hasCommandId(sent)
      ? await requests.execute(own, aggregate, command, sent)
      : await executeSentCommand(own.store, epoch, aggregate, command, sent)
  if ('executed' in did) return answerExecuted(own.store, aggregate, did, sent, request, reply)
  worker.wake()
  return answerAccepted(prefix, did.accepted, `${aggregate.name}.${command}`, sent, request, reply)
}

function hasCommandId(sent: SentCommand): sent is SentCommand & { readonly commandId: string } {
  return sent.commandId !== undefined
}

function indexAggregates(aggregates: readonly AnyAggregate[]): ReadonlyMap<string, AnyAggregate> {
  const byName = new Map<string, AnyAggregate>()
  for (const aggregate of aggregates) {
    if (byName.has(aggregate.name)) {
      throw new ApiConfigurationError(`two aggregates are named "${aggregate.name}": their commands would share a path`)
    }
    byName.set(aggregate.name, aggregate)
    for (const command of Object.keys(aggregate.commands)) {
      if (!/^[A-Za-z0-9_.~-]+$/.test(command)) {
        throw new ApiConfigurationError(
          `command "${command}" of aggregate "${aggregate.name}" cannot stand in a path: use letters, digits, _ and -`,
        )
      }
    }
  }
  return byName
}

function unknownCommand(
  byName: ReadonlyMap<string, AnyAggregate>,
  { aggregate: name = '', command }: Partial<Record<'aggregate' | 'command', string>>,
): ProblemError {
  const aggregate = byName.get(name)
  if (!aggregate) {
    return new ProblemError(
      'unknown-aggregate',
      `there is no aggregate ${quoted(name)}: ${adviseName(name, [...byName.keys()])}`,
    )
  }
  const known = Object.keys(aggregate.commands)
  if (command === undefined) {
    return new ProblemError(
      'unknown-command',
      `a command is posted to ${name}/{id}/{command}: there is ${known.join(', ')}`,
    )
  }
  return new ProblemError(
    'unknown-command',
    `aggregate "${name}" has no command ${quoted(command)}: ${adviseName(command, known)}`,
  )
}
