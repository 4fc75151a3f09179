import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { prefersEventStream } from '../http/accept-header.js'
import { toJson } from '../http/json-context.js'
import { refuseOtherMethods } from '../http/method-not-allowed.js'
import type { LiveQuery } from './live/live-connection.js'
import { notLive, parseHistoryQuery, parseNoQuery, parseRowQuery } from './past-query.js'
import { queryValue } from './query-value.js'
import type { ReadContext, Served } from './read-context.js'
import { documentBlame, documentHistory, documentList, documentRow } from './read-model-document.js'
import { parseReadQuery, type RawQuery } from './read-query.js'
import { sendPage } from './send-page.js'
import { rowNotFound, sendRow, sendTagged } from './send-row.js'

interface List {
  Querystring: RawQuery
}
interface OneRow {
  Params: { key: string }
  Querystring: RawQuery
}

/** The routes of one read model: its list, a row, and what the row was. */
export function serveReadModel(app: FastifyInstance, served: Served, context: ReadContext): void {
  const { projection, model } = served
  const { cursors, consistency, past } = context
  const path = `/${model.name}`

  app.get<List>(path, { schema: documentList(model) }, async (request, reply) => {
    const query = parseReadQuery(model, request.query, cursors)
    if (!wantsLive(request)) {
      await consistency.wait(projection, request, reply)
      return sendPage(context, served, query, request, reply)
    }
    if (query.from) throw notLive(query.from.side)
    const { filters, fields } = query
    return openLive(request, reply, { key: undefined, filters, fields })
  })

  app.get<OneRow>(`${path}/:key`, { schema: documentRow(model) }, async (request, reply) => {
    const { fields, asOf } = parseRowQuery(model, request.query)
    const { key } = request.params
    if (wantsLive(request)) {
      if (asOf) throw notLive('asOf')
      const text = queryValue(key, model.key.kind)
      if (text === undefined) throw rowNotFound(model.name, key)
      const rowKey = model.key.kind === 'string' ? text : Number(text)
      return openLive(request, reply, { key: rowKey, filters: [], fields })
    }
    if (asOf) return sendTagged(toJson(await past.at(served, key, asOf, fields)), request, reply)
    await consistency.wait(projection, request, reply)
    return sendRow(context, served, fields, request, reply)
  })

  app.get<OneRow>(`${path}/:key/history`, { schema: documentHistory(model) }, async (request, reply) => {
    const query = parseHistoryQuery(request.query)
    return sendTagged(toJson(await past.history(served, request.params.key, query)), request, reply)
  })

  app.get<OneRow>(`${path}/:key/blame`, { schema: documentBlame(model) }, async (request, reply) => {
    parseNoQuery(request.query)
    return sendTagged(toJson(await past.blame(served, request.params.key)), request, reply)
  })

  for (const url of [path, `${path}/:key`, `${path}/:key/history`, `${path}/:key/blame`])
    refuseOtherMethods(app, url, ['GET'])

  async function openLive(request: FastifyRequest, reply: FastifyReply, query: LiveQuery): Promise<void> {
    await consistency.wait(projection, request, reply)
    await context.live.open(served, query, { request, reply, caller: context.callerOf(request) })
  }
}

/** A HEAD asks for the headers of an answer that ends. */
function wantsLive({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && prefersEventStream(headers.accept)
}
