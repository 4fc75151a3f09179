import { InvalidArgumentError } from 'commander'

/** Reads a time of an option, for commander; a day alone begins at midnight UTC. */
export function instant(text: string): Date {
  const time = new Date(text)
  const isExact = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
  if (isExact && !Number.isNaN(time.getTime())) return time
  throw new InvalidArgumentError('It is a time with its zone, such as 2025-03-01T12:00:00Z, or a day.')
}

/** Milliseconds as seconds for a table. */
export function seconds(ms: number): string {
  return (ms / 1000).toFixed(1)
}
