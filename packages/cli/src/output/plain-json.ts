import { jsonText } from './json-text.js'

/** A value as a server would tell it: bigints and times are texts, and what JSON cannot hold is gone. */
export function plainJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(jsonText(value))
}
