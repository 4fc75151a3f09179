import { createHash } from 'node:crypto'
import { ConfigurationError } from './errors.js'

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * Whether a text can be the id of an event: a UUID, in upper or lower case.
 *
 * @example
 * const [event] = isUuid(text) ? await selectEventsById(store.database, [text]) : []
 */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text)
}

/** Checks that a text is a UUID and returns it in lower case. */
export function checkUuid(id: string, what: string): string {
  if (!isUuid(id))
    throw new ConfigurationError(`${what} ${JSON.stringify(id)} is not a UUID: make one with uuid's v7()`)
  return id.toLowerCase()
}

/**
 * The id of a command's event number `index`: always the same for the same command, so that a command that is sent again finds its events.
 *
 * A UUIDv7 whose 48 bits of time are the command's own, so that it lands where new ids land in the index; the rest is a SHA-256 of both.
 */
export function deriveEventId(commandId: string, index: number): string {
  const hash = createHash('sha256').update(`${commandId}/${index}`).digest('hex')
  const variant = ((parseInt(hash.charAt(4), 16) & 0b0011) | 0b1000).toString(16)
  return `${commandId.slice(0, 13)}-7${hash.slice(1, 4)}-${variant}${hash.slice(5, 8)}-${hash.slice(8, 20)}`
}
