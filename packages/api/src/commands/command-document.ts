import type { AnyAggregate } from '@tidemark/eventstore'
import { jsonSchemaOf, type JsonSchema } from '../http/json-schema.js'
import { problemResponses, type RouteDocument } from '../http/route-document.js'
import type { CommandRule } from './command-rules.js'

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

const status: JsonSchema = {
  type: 'object',
  required: ['id', 'status', 'streamId', 'command'],
  properties: {
    id: { ...text, format: 'uuid' },
    status: { enum: ['pending', 'done', 'rejected', 'failed'] },
    streamId: text,
    command: { ...text, description: 'Its name with that of its aggregate' },
    sentAt: { ...text, format: 'date-time' },
    expiresAt: { ...text, format: 'date-time', description: 'How long the outcome is kept' },
    outcome: { ...answer, description: 'What it did, when it is done' },
    problem: {
      type: 'object',
      required: ['type', 'title', 'status', 'detail'],
      properties: { type: text, title: text, status: { type: 'integer' }, detail: text },
      description: 'Why it was rejected, or failed',
    },
  },
}

const accepted = {
  description: 'The command will be executed: the resource at Location says what becomes of it',
  headers: {
    Location: { schema: text, description: 'What to ask' },
    'Retry-After': { schema: { type: 'integer' }, description: 'When to ask, in seconds' },
  },
  content: { 'application/json': { schema: status } },
}

/** How a command stands in the OpenAPI document. */
export function documentCommand(
  aggregate: AnyAggregate,
  command: string,
  { requireIfMatch = false, asynchronous = false }: CommandRule,
): RouteDocument {
  const schema = aggregate.commands[command]?.schema
  const executed = {
    200: success('The command was executed'),
    201: success('The command was executed, and made the stream'),
  }
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
        'Idempotency-Key': {
          ...text,
          description: 'The same key again gives the first outcome and changes nothing; with another body 422',
        },
        'If-Match': {
          ...text,
          description: 'The version that the command was decided on, in quotes: 412 at any other',
        },
        'If-None-Match': { ...text, description: '*: the command is to make the stream, 412 when it is there' },
        'X-Correlation-Id': { ...text, description: 'The conversation that the events belong to' },
        Prefer: {
          ...text,
          description:
            'return=representation: the answer holds the new state; respond-async: the command is executed after the answer',
        },
      },
    },
    ...(schema && { body: jsonSchemaOf(schema, 'input') }),
    response: {
      ...(asynchronous ? {} : executed),
      202: accepted,
      ...problemResponses([400, 403, 404, 409, 412, 413, 415, 422, ...(requireIfMatch ? [428] : []), 503]),
    },
  }
}

/** How the resource of a command stands in the OpenAPI document. */
export function documentCommandStatus(): RouteDocument {
  return {
    tags: ['commands'],
    summary: 'What became of a command',
    operationId: 'commands.status',
    params: {
      type: 'object',
      required: ['id'],
      properties: { id: { ...text, description: 'Its id, as Location has it' } },
    },
    response: {
      200: {
        description: 'How it is getting on',
        headers: {
          ETag: { schema: text, description: 'The version of the stream, when it is done' },
          'Consistency-Token': { schema: text, description: 'Send it with a read that must see it, when it is done' },
          'Retry-After': { schema: { type: 'integer' }, description: 'When to ask again, while it is pending' },
        },
        content: { 'application/json': { schema: status } },
      },
      ...problemResponses([403, 404, 503]),
    },
  }
}
