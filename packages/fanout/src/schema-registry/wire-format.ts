import { PayloadUnreadableError } from './errors.js'

const magicByte = 0
const headerBytes = 5

/** A value in the wire format, taken apart. */
export interface FramedPayload {
  /** The registry's number of the schema that the payload was written by. */
  readonly schemaId: number
  readonly payload: Buffer
}

/**
 * Puts the id of its schema before a payload, in the wire format of Confluent's clients: `0x00`, four bytes big-endian, the payload.
 *
 * @example
 * framePayload(7, Buffer.from('{}')) // 00 00 00 00 07 7b 7d
 */
export function framePayload(schemaId: number, payload: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(headerBytes + payload.length)
  framed.writeUInt8(magicByte, 0)
  framed.writeUInt32BE(schemaId, 1)
  framed.set(payload, headerBytes)
  return framed
}

/**
 * Takes a value in the wire format apart; the payload shares its memory.
 *
 * @throws {PayloadUnreadableError} it is shorter than the header, or does not begin with `0x00`.
 */
export function unframePayload(value: Uint8Array): FramedPayload {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length < headerBytes) {
    throw new PayloadUnreadableError(
      `it has ${bytes.length} bytes, and the id of its schema alone takes ${headerBytes}`,
    )
  }
  const first = bytes.readUInt8(0)
  if (first !== magicByte) {
    throw new PayloadUnreadableError(
      `it begins with byte ${first}, not with 0 and the id of a schema: its producer uses no schema registry`,
    )
  }
  return { schemaId: bytes.readUInt32BE(1), payload: bytes.subarray(headerBytes) }
}
