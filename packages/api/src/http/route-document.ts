// Adds `hide` to the schemas of routes.
import type {} from '@fastify/swagger'
import type { FastifySchema } from 'fastify'
import { STATUS_CODES } from 'node:http'
import type { JsonSchema } from './json-schema.js'
import { problemMediaType } from './problem-media-type.js'

/** What a route says of itself in the OpenAPI document. */
export interface RouteDocument {
  readonly tags: string[]
  readonly summary: string
  readonly operationId: string
  readonly params?: JsonSchema
  readonly querystring?: JsonSchema
  readonly headers?: JsonSchema
  readonly body?: JsonSchema
  readonly response: Readonly<Record<number, unknown>>
}

const text: JsonSchema = { type: 'string' }

const problem: JsonSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'traceId'],
  properties: {
    type: { ...text, format: 'uri-reference' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    instance: { ...text, format: 'uri-reference' },
    traceId: text,
    errors: {
      type: 'array',
      items: { type: 'object', required: ['detail'], properties: { pointer: text, parameter: text, detail: text } },
    },
  },
}

/** The responses of a route that are problems. */
export function problemResponses(statuses: readonly number[]): Record<number, unknown> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: STATUS_CODES[status], content: { [problemMediaType]: { schema: problem } } },
    ]),
  )
}

/** For routes that are no part of the documented API. */
export const undocumented: FastifySchema = { hide: true }
