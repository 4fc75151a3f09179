import type { AnyAggregate } from '@tidemark/eventstore'
import { jsonSchemaOf, type JsonSchema } from '../http/json-schema.js'
import { problemResponses, type RouteDocument } from '../http/route-document.js'

const text: JsonSchema = { type: 'string' }
const number: JsonSchema = { type: 'string', pattern: '^[0-9]+$' }

const answer: JsonSchema = {
  type: 'object',
  required: ['streamId', 'version', 'position', 'events'],
  properties: {
    streamId: text,
    version: { ...number, description: 'The version of the stream after the command' },
    position: { ...number, description: 'The position of the last event' },
    events: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'version', 'position'],
        properties: { id: text, version: number, position: number },
      },
    },
    state: { description: 'The new state, with Prefer: return=representation' },
  },
}

const success = (description: string) => ({
  description,
  headers: {
    ETag: { schema: text, description: 'The version of the stream, in quotes' },
    'Consistency-Token': { schema: text, description: 'Send it with a read that must see this command' },
  },
  content: { 'application/json': { schema: answer } },
})

/** How a command stands in the OpenAPI document. */
export function documentCommand(aggregate: AnyAggregate, command: string): RouteDocument {
  const schema = aggregate.commands[command]?.schema
  return {
    tags: [aggregate.name],
    summary: `${command} on one ${aggregate.name}`,
    operationId: `${aggregate.name}.${command}`,
    params: {
      type: 'object',
      required: ['id'],
      properties: { id: { ...text, description: `The id of the ${aggregate.name}` } },
    },
    headers: {
      type: 'object',
      properties: {
        'Idempotency-Key': { ...text, description: 'The same key again gives the first outcome and changes nothing' },
        'If-Match': {
          ...text,
          description: 'The version that the command was decided on, in quotes: 412 at any other',
        },
        'X-Correlation-Id': { ...text, description: 'The conversation that the events belong to' },
        Prefer: { ...text, description: 'return=representation: the answer holds the new state' },
      },
    },
    ...(schema && { body: jsonSchemaOf(schema, 'input') }),
    response: {
      200: success('The command was executed'),
      201: success('The command was executed, and made the stream'),
      ...problemResponses([400, 404, 409, 412, 413, 415, 422, 503]),
    },
  }
}
