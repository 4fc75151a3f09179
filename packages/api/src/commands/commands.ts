import type { AnyAggregate, EventStore } from '@tidemark/eventstore'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { documentCommand } from './command-document.js'
import { executeRequest } from './execute-request.js'
import { guard, type GuardOptions } from '../auth/guard.js'
import { ApiConfigurationError, ProblemError } from '../errors.js'
import { useJson } from '../http/json-context.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import { adviseName, quoted } from '../http/nearest-name.js'
import { answerWithProblems, type ProblemResponseOptions } from '../http/problem-responses.js'
import { undocumented } from '../http/route-document.js'
import { refuseForeignOrigin } from '../http/same-origin.js'
import { StoreEpoch } from '../http/store-epoch.js'

export interface CommandsOptions extends ProblemResponseOptions, GuardOptions {
  readonly store: EventStore
  /** The aggregates whose commands can be sent. */
  readonly aggregates: readonly AnyAggregate[]
  /** Origins of web pages, such as `https://shop.example`, that may send commands besides those of this server. */
  readonly allowedOrigins?: readonly string[]
}

/** A command's request: the id of the aggregate is in its path. */
export type CommandRequest = FastifyRequest<{ Params: { id: string } }>

/**
 * A Fastify plugin that takes commands: `POST {aggregate}/{id}/{command}` with the input as JSON.
 *
 * 201 when the command made the stream, else 200, with the version as `ETag` and a `Consistency-Token` that reads can wait for.
 * An `Idempotency-Key` makes it safe to send again, `If-Match` demands a version (412), `Prefer: return=representation`
 * asks for the new state. Register it under a prefix, such as `/v1`.
 *
 * @throws {ApiConfigurationError} two aggregates have one name, or a command's name cannot stand in a path.
 *
 * @example
 * await app.register(commands, { prefix: '/v1', authentication, store, aggregates: [Order] })
 */
export const commands: FastifyPluginAsync<CommandsOptions> = async (app, options) => {
  const { store, aggregates, allowedOrigins = [] } = options
  const byName = indexAggregates(aggregates)
  const context = { store, epoch: new StoreEpoch(store) }
  useJson(app)
  answerWithProblems(app, options)
  guard(app, options, 'writer')
  app.addHook('onRequest', async (request) => refuseForeignOrigin(request, allowedOrigins))
  for (const aggregate of aggregates) {
    for (const command of Object.keys(aggregate.commands)) {
      const url = `/${aggregate.name}/:id/${command}`
      const handler = (request: CommandRequest, reply: FastifyReply) =>
        executeRequest(context, aggregate, command, request, reply)
      app.route({ method: 'POST', url, schema: documentCommand(aggregate, command), handler })
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
