import { v5 as uuidv5, validate } from 'uuid'
import { ProblemError } from '../errors.js'

/** The namespace of the command ids that are derived from other texts than UUIDs. */
const namespace = '6f1c3a52-0d1f-5e0b-9b1e-6d3a0f6c2b47'

/**
 * The command id of an `Idempotency-Key` header: the key itself when it is a UUID, else a UUIDv5 of it and the aggregate's id.
 *
 * The same key for another aggregate is then another command, unless it is a UUID, which is the caller's promise to be unique.
 *
 * @throws {ProblemError} `invalid-header`: the key is empty, too long, or given twice.
 */
export function commandIdOf(header: string | readonly string[] | undefined, streamId: string): string | undefined {
  if (header === undefined) return undefined
  // The header is a structured field, so that quotes around the key belong to it as little as the spaces.
  const key = typeof header === 'string' ? header.trim().replace(/^"(.*)"$/, '$1') : ''
  if (key === '' || key.length > 255) {
    throw new ProblemError('invalid-header', 'the header Idempotency-Key is one text of 1 to 255 characters', {
      errors: [{ parameter: 'Idempotency-Key', detail: 'one text of 1 to 255 characters' }],
    })
  }
  return validate(key) ? key.toLowerCase() : uuidv5(`${streamId}\n${key}`, namespace)
}
