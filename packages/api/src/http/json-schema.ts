import { z } from 'zod'

/** A JSON schema, as it stands in the OpenAPI document. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON schema of what a zod schema takes (`input`) or gives (`output`), for documents.
 *
 * What JSON cannot say stays open (`{}`): so do schemas that contain themselves, since their references would point into a
 * document that they are no longer the root of. Dates and bigints are the texts that this API writes.
 */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const { type } = zodSchema._zod.def
      if (type === 'date') Object.assign(jsonSchema, { type: 'string', format: 'date-time' })
      if (type === 'bigint') Object.assign(jsonSchema, { type: 'string', pattern: '^-?[0-9]+$' })
    },
  })
  return JSON.stringify(json).includes('"$ref"') ? {} : json
}
