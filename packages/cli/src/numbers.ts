import { InvalidArgumentError } from 'commander'

/** Reads a whole number of an option, for commander. */
export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number.')
}

/** Reads a position or a version of an option, for commander. */
export function bigNumber(text: string): bigint {
  if (/^\d{1,19}$/.test(text)) return BigInt(text)
  throw new InvalidArgumentError('It is a whole number.')
}

/** Reads a part of a whole of an option, for commander: above 0 and at most 1. */
export function fraction(text: string): number {
  const part = Number(text)
  if (/^\d*\.?\d+$/.test(text) && part > 0 && part <= 1) return part
  throw new InvalidArgumentError('It is a number above 0 and at most 1.')
}
