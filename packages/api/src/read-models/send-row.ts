import type { Column } from '@tidemark/projections'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHash } from 'node:crypto'
import { ProblemError } from '../errors.js'
import { quoted } from '../http/nearest-name.js'
import { queryValue } from './query-value.js'
import { asReadProblem, incompleteAmong, setReadHeaders, type ReadContext, type Served } from './read-context.js'
import { rowWriter, type RowWriter } from './row-json.js'
import type { ServedModel } from './served-model.js'
import { selectRow } from './sql/select-row.js'

/** Answers with one row of a read model as it is now. */
export async function sendRow(
  context: ReadContext,
  { projection, model }: Served,
  fields: readonly Column[],
  request: FastifyRequest<{ Params: { key: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { key } = request.params
  const keyText = queryValue(key, model.key.kind)
  if (keyText === undefined) throw rowNotFound(model.name, key)
  const versioned = model.category !== undefined && (await context.seesLog().catch(asReadProblem(model)))
  const [found, incomplete] = await Promise.all([
    selectRow(context.preparing, model, { fields, key: keyText, versioned }).catch(asReadProblem(model)),
    incompleteAmong(context.store, projection, [keyText]),
  ])
  if (incomplete.size > 0) void reply.header('tidemark-incomplete', 'parked-event')
  if (!found) throw rowNotFound(model.name, key)
  const { row, version } = found
  // A row that lacks an event has no version of its stream.
  if (version !== undefined && incomplete.size === 0) void reply.header('tidemark-stream-version', version)
  return sendTagged(writerOf(model, fields)(row), request, reply)
}

export function rowNotFound(name: string, key: string): ProblemError {
  return new ProblemError('row-not-found', `projection "${name}" has no row with the key ${quoted(key)}`)
}

/** Answers with JSON and its ETag, which is a strong one: it is of these very bytes; or with 304 to who has them. */
export function sendTagged(body: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
  setReadHeaders(reply)
  void reply.header('etag', etag)
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return sendJson(body, reply)
}

/** Sends what is JSON already. */
export function sendJson(body: string, reply: FastifyReply): FastifyReply {
  return reply
    .type('application/json; charset=utf-8')
    .serializer((text: string) => text)
    .send(body)
}

/** Compares by value, weak or strong, as RFC 9110 has it for `If-None-Match`. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch?.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, ''))) ?? false
}

/** What writes rows of some fields of a model. */
export function writerOf({ columns, writeRow }: ServedModel, fields: readonly Column[]): RowWriter {
  return fields === columns ? writeRow : rowWriter(fields)
}
