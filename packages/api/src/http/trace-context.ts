import type { FastifyRequest } from 'fastify'
import { randomBytes } from 'node:crypto'

const traceIds = new WeakMap<FastifyRequest, string>()

/** The `traceparent` header where it is one, by W3C Trace Context: version, trace id, parent id and flags, neither id zero. */
export function traceparentOf(request: FastifyRequest): string | undefined {
  const header = request.headers['traceparent']
  if (typeof header !== 'string') return undefined
  const [, version, traceId, parentId] = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(header) ?? []
  const usable =
    version !== undefined && version !== 'ff' && !/^0+$/.test(traceId ?? '0') && !/^0+$/.test(parentId ?? '0')
  return usable ? header : undefined
}

/** What a request is found by in traces and logs: the caller's trace id, or a new one. */
export function traceIdOf(request: FastifyRequest): string {
  let traceId = traceIds.get(request)
  if (traceId === undefined) {
    traceId = traceparentOf(request)?.slice(3, 35) ?? randomBytes(16).toString('hex')
    traceIds.set(request, traceId)
  }
  return traceId
}
