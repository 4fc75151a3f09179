import type { AnyAggregate, StreamStore } from '@tidemark/eventstore'
import type { FastifyReply } from 'fastify'
import { parsePrefer } from '../http/prefer-header.js'
import type { CommandRequest } from './commands.js'
import type { Executed } from './command-requests.js'
import type { SentCommand } from './sent-command.js'

/** Answers with what a command did; with the state after it where the request prefers so, which is folded again for what was done before. */
export async function answerExecuted(
  store: StreamStore,
  aggregate: AnyAggregate,
  { executed, state }: Executed,
  { aggregateId }: SentCommand,
  request: CommandRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { status, token, ...did } = executed
  const { representation } = parsePrefer(request.headers.prefer)
  void reply.code(status).headers({
    etag: `"${did.version}"`,
    'consistency-token': token,
    'cache-control': 'no-store',
  })
  if (!representation) return reply.send(did)
  const atVersion = BigInt(did.version)
  const after = state ?? (await store.load(aggregate, aggregateId, { atVersion })).state
  return reply.header('preference-applied', 'return=representation').send({ ...did, state: after })
}

/** Answers that a command will be executed, and where that can be seen. */
export function answerAccepted(
  prefix: string,
  id: string,
  command: string,
  { streamId }: SentCommand,
  request: CommandRequest,
  reply: FastifyReply,
): FastifyReply {
  if (parsePrefer(request.headers.prefer).respondAsync) void reply.header('preference-applied', 'respond-async')
  return reply
    .code(202)
    .headers({ location: `${prefix}/commands/${id}`, 'retry-after': '1', 'cache-control': 'no-store' })
    .send({ id, status: 'pending', streamId, command })
}
