import { ConfigurationError, EventTooLargeError, InvalidEventError } from '../errors.js'
import type { EventMetadata } from '../event.js'
import { serializeEvent, type SerializeOptions } from '../serialize-event.js'
import type { SerializedEvent } from '../sql/insert-events.js'
import { checkStreamId } from '../stream-id.js'
import { ImportError } from './import-error.js'
import type { SourceRow } from './source-query.js'

/** A row that was checked. */
export interface ImportedEvent extends SerializedEvent {
  readonly sourcePosition: bigint
  readonly streamId: string
  /** Undefined where the source has none. */
  readonly version: bigint | undefined
  readonly recordedAtSeconds: string | null
}

/**
 * Checks a row, as an append is checked.
 *
 * @throws {ImportError}
 */
export function eventOfRow(row: SourceRow, options: SerializeOptions): ImportedEvent {
  const refuse = (reason: string) => new ImportError({ position: row.position, streamId: row.streamId, reason })
  const data = parse(row.data, 'data', refuse)
  const metadata = parse(row.metadata ?? '{}', 'metadata', refuse) ?? {}
  if (typeof metadata !== 'object' || Array.isArray(metadata)) throw refuse('its metadata is no JSON object')
  const version = wholeNumber(row.version, 'version', refuse)
  if (version !== undefined && version < 1n) throw refuse(`its version is ${version}: versions begin with 1`)
  try {
    const streamId = checkStreamId(row.streamId)
    const schemaVersion = Number(wholeNumber(row.schemaVersion, 'schema_version', refuse) ?? 1)
    const event = {
      type: row.type,
      data,
      metadata: metadata as EventMetadata,
      schemaVersion,
      ...(row.id !== null && { id: row.id }),
    }
    const serialized = serializeEvent(streamId, event, undefined, options)
    return { ...serialized, streamId, version, sourcePosition: row.position, recordedAtSeconds: row.recordedAtSeconds }
  } catch (error) {
    const isAboutRow =
      error instanceof ConfigurationError || error instanceof InvalidEventError || error instanceof EventTooLargeError
    throw isAboutRow ? refuse(error.message) : error
  }
}

function parse(text: string, column: string, refuse: (reason: string) => ImportError): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const hint = text.startsWith('\\x') ? `: a bytea is read by convert_from(${column}, 'utf8')` : ''
    throw refuse(`its ${column} is no JSON${hint}`)
  }
}

function wholeNumber(text: string | null, column: string, refuse: (reason: string) => ImportError): bigint | undefined {
  if (text === null) return undefined
  if (!/^-?\d{1,18}$/.test(text)) throw refuse(`its ${column} is ${JSON.stringify(text)}, which is no whole number`)
  return BigInt(text)
}
