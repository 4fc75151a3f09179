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
      description:
        'wait=2: seconds to wait for the token; handling=lenient: answer although it is behind; of a list, count=exact or count=estimated: say how many rows match',
    },
  },
}

const liveHeaders: JsonSchema = {
  type: 'object',
  properties: {
    ...(headers['properties'] as object),
    'Last-Event-ID': { ...text, description: 'Of live rows: the id of the last event, to go on after it' },
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
        after: { ...text, description: 'The cursor page.next of another page: rows after it' },
        before: { ...text, description: 'The cursor page.prev of another page: rows before it' },
        fields,
      },
    },
    headers: liveHeaders,
    response: {
      200: {
        description: 'One page',
        headers: {
          Link: { ...text, description: 'The pages beside it, as rel="next" and rel="prev"' },
          'Preference-Applied': { ...text, description: 'What of Prefer was met, such as count=exact' },
        },
        content: {
          'text/event-stream': { schema: text },
          'application/json': {
            schema: {
              type: 'object',
              required: ['data', 'page'],
              properties: {
                data: { type: 'array', items: rowSchema },
                page: {
                  type: 'object',
                  required: ['next', 'prev'],
                  properties: {
                    next: { type: ['string', 'null'] },
                    prev: { type: ['string', 'null'] },
                    total: { type: 'integer', description: 'How many rows match, where Prefer asked for it' },
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
      ...problemResponses([400, 409, 422, 503]),
    },
  }
}

/** How a single row of a read model stands in the OpenAPI document. */
export function documentRow(model: ServedModel): RouteDocument {
  const { name, rowSchema } = model
  return {
    tags: [name],
    summary: `One row of ${name}`,
    operationId: `${name}.get`,
    params: paramsOf(model),
    querystring: {
      type: 'object',
      properties: {
        fields,
        asOf: { ...text, description: 'A position of the log, or an ISO 8601 time: the row as it was then' },
      },
    },
    headers: liveHeaders,
    response: {
      200: {
        description: 'The row',
        headers: {
          ETag: { ...text, description: 'Send it as If-None-Match, for 304 while the row is the same' },
          'Tidemark-Stream-Version': {
            ...text,
            description:
              'The version of its stream that the row shows, where it can be told: in quotes it is what If-Match of a command takes',
          },
          'Tidemark-Incomplete': {
            ...text,
            description: 'There when the row lacks an event which the projection could not handle: parked-event',
          },
        },
        content: { 'application/json': { schema: rowSchema }, 'text/event-stream': { schema: text } },
      },
      304: { type: 'null', description: 'The row is the same as the one with that ETag' },
      ...problemResponses([400, 404, 409, 410, 422, 503]),
    },
  }
}

const position: JsonSchema = { ...text, pattern: '^[0-9]+$' }

const eventReference = {
  required: ['eventId', 'type', 'position', 'streamId', 'version', 'recordedAt'],
  properties: {
    eventId: text,
    type: text,
    position,
    streamId: text,
    version: position,
    recordedAt: { ...text, format: 'date-time' },
    correlationId: text,
    causationId: text,
    actor: text,
  },
}

/** How the history of a row stands in the OpenAPI document. */
export function documentHistory(model: ServedModel): RouteDocument {
  const { name, rowSchema } = model
  return {
    tags: [name],
    summary: `What a row of ${name} was, from its first version on`,
    operationId: `${name}.history`,
    params: paramsOf(model),
    querystring: {
      type: 'object',
      properties: {
        after: { ...position, description: 'The position page.next of the page before' },
        limit: { type: 'integer', minimum: 1, maximum: maxLimit, default: defaultLimit },
      },
    },
    response: {
      ...taggedResponse('Versions, one for each event that changed the row, the oldest first', {
        type: 'object',
        required: ['data', 'page'],
        properties: {
          data: {
            type: 'array',
            items: {
              type: 'object',
              required: ['row', 'event', 'changes'],
              properties: {
                row: { anyOf: [rowSchema, { type: 'null' }], description: 'null where the event took the row away' },
                event: { type: 'object', ...eventReference },
                changes: {
                  type: 'object',
                  additionalProperties: { type: 'object', properties: { before: {}, after: {} } },
                  description: 'The properties that the event changed',
                },
              },
            },
          },
          page: { type: 'object', required: ['next'], properties: { next: { type: ['string', 'null'] } } },
        },
      }),
      ...problemResponses([400, 404, 410, 422, 503]),
    },
  }
}

/** How the blame of a row stands in the OpenAPI document. */
export function documentBlame(model: ServedModel): RouteDocument {
  const { name, key, rowSchema } = model
  return {
    tags: [name],
    summary: `Which event set each value of a row of ${name}`,
    operationId: `${name}.blame`,
    params: paramsOf(model),
    response: {
      ...taggedResponse('The row, and where its values are from', {
        type: 'object',
        required: ['key', 'position', 'row', 'fields'],
        properties: {
          key: columnSchema(key),
          position: { ...position, description: 'Up to where the log was folded' },
          row: { anyOf: [rowSchema, { type: 'null' }], description: 'null for one that was taken away' },
          fields: {
            type: 'object',
            additionalProperties: {
              type: 'object',
              required: eventReference.required,
              properties: { value: {}, ...eventReference.properties },
            },
          },
          deletedBy: { type: 'object', ...eventReference },
        },
      }),
      ...problemResponses([400, 404, 410, 422, 503]),
    },
  }
}

function paramsOf({ key }: ServedModel): JsonSchema {
  return {
    type: 'object',
    required: ['key'],
    properties: { key: { ...columnSchema(key), description: key.property } },
  }
}

function taggedResponse(description: string, schema: JsonSchema): Record<number, unknown> {
  return {
    200: {
      description,
      headers: {
        ETag: { ...text, description: 'Send it as If-None-Match, for 304 while the answer is the same' },
      },
      content: { 'application/json': { schema } },
    },
    304: { type: 'null', description: 'The answer is the same as the one with that ETag' },
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
