import { InvalidArgumentError } from 'commander'
import type { LoadOptions } from '@tidemark/eventstore'
import { instant } from '../times.js'

/** A version of a stream, or a time; now where it is undefined. */
export type Moment = bigint | Date | undefined

/** Reads a version or a time of an option, for commander. */
export function moment(text: string): bigint | Date {
  if (/^\d{1,18}$/.test(text)) return BigInt(text)
  try {
    return instant(text)
  } catch {
    throw new InvalidArgumentError('It is a version, or a time with its zone, such as 2025-03-01T12:00:00Z.')
  }
}

/** Reads two moments, `3..7`; the second may be left out for now. */
export function twoMoments(text: string): readonly [from: bigint | Date, to: Moment] {
  const [from = '', to, ...rest] = text.split('..')
  if (to === undefined || rest.length > 0 || from === '')
    throw new InvalidArgumentError('It is two versions or times with .. between them, such as 3..7 or 3..')
  return [moment(from), to === '' ? undefined : moment(to)]
}

/** What loads an aggregate at a moment. */
export function loadOptionsOf(at: Moment): LoadOptions {
  if (at === undefined) return {}
  return at instanceof Date ? { at } : { atVersion: at }
}
