import { ProblemError } from '../errors.js'

/** What a write returns, and a read can wait for: a place in the log, and the epoch of the log. */
export interface ConsistencyToken {
  readonly epoch: string
  readonly position: bigint
}

const tokenVersion = 1
const tokenBytes = 25

/** Writes a token: opaque to callers; a version byte, the epoch's 16 bytes and the position's 8, as base64url. */
export function encodeToken({ epoch, position }: ConsistencyToken): string {
  const bytes = Buffer.alloc(tokenBytes)
  bytes.writeUInt8(tokenVersion, 0)
  bytes.write(epoch.replaceAll('-', ''), 1, 'hex')
  bytes.writeBigInt64BE(position, 17)
  return bytes.toString('base64url')
}

/**
 * Reads the token of a request's `Consistency-Token` header.
 *
 * @throws {ProblemError} `invalid-token`: the text was not made by {@link encodeToken}.
 */
export function decodeToken(text: string): ConsistencyToken {
  const bytes = Buffer.from(text, 'base64url')
  // Buffer.from drops what is not base64url, so only a text that comes back the same was one.
  const wellFormed =
    bytes.length === tokenBytes &&
    bytes[0] === tokenVersion &&
    bytes.toString('base64url') === text &&
    bytes.readBigInt64BE(17) >= 0n
  if (!wellFormed) {
    throw new ProblemError(
      'invalid-token',
      'the header Consistency-Token does not hold a token of this API: send the one that a command returned, unchanged',
      { errors: [{ parameter: 'Consistency-Token', detail: 'not a token' }] },
    )
  }
  const hex = bytes.toString('hex', 1, 17)
  const epoch = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return { epoch, position: bytes.readBigInt64BE(17) }
}
