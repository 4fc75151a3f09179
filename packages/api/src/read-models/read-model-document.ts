import type { Column } from '@tidemark/projections'
import type { JsonSchema } from '../http/json-schema.js'
import { defaultLimit, maxLimit } from './read-query.js'
import { problemResponses, type RouteDocument } from '../http/route-document.js'
import type { FilterParameter, ServedModel } from './served-model.js'

const text: JsonSchema = { type: 'string' }

const headers: JsonSchema = {
  type: 'object',
  properties: {
    'Consistency-Token': { ...text, description: 'The token of a command that the answer must show' },
    Prefer: {
      ...text,
      description: 'wait=2: seconds to wait for the token; handling=lenient: answer although it is behind',
    },
  },
}

const fields: JsonSchema = { ...text, description: 'The properties to return, with commas between them' }

/** How the list of a read model stands in the OpenAPI document. */
export function documentList(model: ServedModel): RouteDocument {
  const { name, filters, sortable, rowSchema } = model
  const filterProperties = [...filters].map(([parameter, filter]) => [parameter, filterSchema(filter)] as const)
  return {
    tags: [name],
    summary: `Rows of ${name}, in pages`,
    operationId: `${name}.list`,
    querystring: {
      type: 'object',
      properties: {
        ...Object.fromEntries(filterProperties),
        sort: {
          ...text,
          description: `Properties with commas between them, - before one that descends: ${sortable.join(', ')}`,
        },
        limit: { type: 'integer', minimum: 1, maximum: maxLimit, default: defaultLimit },
        after: { ...text, description: 'The cursor page.next of the page before' },
        fields,
      },
    },
    headers,
    response: {
      200: {
        description: 'One page',
        headers: { Link: { schema: text, description: 'The next page, as rel="next"' } },
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['data', 'page'],
              properties: {
                data: { type: 'array', items: rowSchema },
                page: {
                  type: 'object',
                  required: ['next'],
                  properties: {
                    next: { type: ['string', 'null'] },
                    incomplete: {
                      type: 'array',
                      items: text,
                      description: 'The keys of rows that lack an event which the projection could not handle',
                    },
                  },
                },
              },
            },
          },
        },
      },
      ...problemResponses([400, 409, 503]),
    },
  }
}

/** How a single row of a read model stands in the OpenAPI document. */
export function documentRow({ name, key, rowSchema }: ServedModel): RouteDocument {
  return {
    tags: [name],
    summary: `One row of ${name}`,
    operationId: `${name}.get`,
    params: {
      type: 'object',
      required: ['key'],
      properties: { key: { ...columnSchema(key), description: key.property } },
    },
    querystring: { type: 'object', properties: { fields } },
    headers,
    response: {
      200: {
        description: 'The row',
        headers: {
          ETag: { schema: text, description: 'Send it as If-None-Match, for 304 while the row is the same' },
          'Tidemark-Incomplete': {
            schema: text,
            description: 'There when the row lacks an event which the projection could not handle: parked-event',
          },
        },
        content: { 'application/json': { schema: rowSchema } },
      },
      304: { description: 'The row is the same as the one with that ETag' },
      ...problemResponses([400, 404, 409, 503]),
    },
  }
}

function filterSchema({ column, repeatable, choices }: FilterParameter): JsonSchema {
  const one = choices ? { ...text, enum: choices } : columnSchema(column)
  return repeatable ? { type: 'array', items: one } : one
}

function columnSchema({ kind }: Column): JsonSchema {
  switch (kind) {
    case 'number':
      return { type: 'number' }
    case 'int':
      return { type: 'integer' }
    case 'boolean':
      return { type: 'boolean' }
    case 'date':
      return { type: 'string', format: 'date-time' }
    case 'string':
    case 'bigint':
    case 'json':
      return text
  }
}
