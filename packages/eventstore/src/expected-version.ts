import { ConfigurationError } from './errors.js'

/**
 * What a stream must look like for an append to succeed.
 *
 * A number N: version N exists and N + 1 does not (0 is the same as `no-stream`). `no-stream`: it has no event. `stream-exists`:
 * it has at least one. `any`: whatever there is.
 */
export type ExpectedVersion = bigint | number | 'no-stream' | 'stream-exists' | 'any'

/** How an expectation travels in a statement: a version, or one of two negative numbers. */
export function encodeExpectedVersion(expected: ExpectedVersion): bigint {
  switch (expected) {
    case 'no-stream':
      return 0n
    case 'any':
      return -1n
    case 'stream-exists':
      return -2n
    default: {
      if (typeof expected !== 'bigint' && !Number.isSafeInteger(expected)) {
        throw new ConfigurationError(
          `expected version ${String(expected)} is not a whole number, 'no-stream', 'stream-exists' or 'any'`,
        )
      }
      const version = BigInt(expected)
      if (version < 0n || version > 9_223_372_036_854_775_806n)
        throw new ConfigurationError(`expected version ${version} is out of range: versions start at 1`)
      return version
    }
  }
}

/** Whether a stream at `actual` (0 where it does not exist) meets an encoded expectation. */
export function meetsExpectation(encoded: bigint, actual: bigint): boolean {
  if (encoded === -1n) return true
  return encoded === -2n ? actual > 0n : actual === encoded
}
