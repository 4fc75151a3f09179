import { DatabaseError } from '@tidemark/eventstore'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { parsePrefer, preferenceApplied } from '../http/prefer-header.js'
import type { CursorValues } from './cursor.js'
import { asReadProblem, incompleteAmong, setReadHeaders, type ReadContext, type Served } from './read-context.js'
import { identityOf, type ReadQuery } from './read-query.js'
import { sendJson, writerOf } from './send-row.js'
import { countRows } from './sql/count-rows.js'
import { selectPage } from './sql/select-page.js'

/** Answers with one page of a read model, and links to the pages beside it. */
export async function sendPage(
  context: ReadContext,
  { projection, model }: Served,
  query: ReadQuery,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { store, preparing, cursors } = context
  const { rows, keys, next, prev } = await selectPage(preparing, model, query).catch(asReadProblem(model))
  const incomplete = [...(await incompleteAmong(store, projection, keys))]
  const total = await totalOf(context, { projection, model }, query, request, reply)
  const write = (place: CursorValues | undefined) => (place ? cursors.write(place, identityOf(model, query)) : null)
  const page = {
    next: write(next),
    prev: write(prev),
    ...(total !== undefined && { total }),
    ...(incomplete.length > 0 && { incomplete }),
  }
  const links = [
    page.next === null ? [] : linkTo(request, 'after', page.next, 'next'),
    page.prev === null ? [] : linkTo(request, 'before', page.prev, 'prev'),
  ].flat()
  if (links.length > 0) void reply.header('link', links.join(', '))
  setReadHeaders(reply)
  const data = rows.map(writerOf(model, query.fields)).join(',')
  return sendJson(`{"data":[${data}],"page":${JSON.stringify(page)}}`, reply)
}

/** How many rows match, where the request prefers to know: a preference, so a count that takes too long is left out. */
async function totalOf(
  { database }: ReadContext,
  { model }: Served,
  { filters }: ReadQuery,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<number | undefined> {
  const { count } = parsePrefer(request.headers.prefer)
  if (!count) return undefined
  try {
    const total = await countRows(database, model, filters, count)
    preferenceApplied(reply, `count=${count}`)
    return total
  } catch (error) {
    if (error instanceof DatabaseError && error.kind === 'cancelled') return undefined
    throw error
  }
}

function linkTo({ url }: FastifyRequest, parameter: 'after' | 'before', cursor: string, relation: string): string {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  searchParams.delete('after')
  searchParams.delete('before')
  searchParams.set(parameter, cursor)
  return `<${pathname}?${searchParams.toString()}>; rel="${relation}"`
}
