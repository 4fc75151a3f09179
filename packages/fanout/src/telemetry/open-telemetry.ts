import { createRequire } from 'node:module'
import type * as Api from '@opentelemetry/api'

/** OpenTelemetry's API; undefined in a program that has not installed it. */
export const openTelemetry: typeof Api | undefined = load()

function load(): typeof Api | undefined {
  try {
    // An import of a package that may be missing could only be awaited, and a bridge is made at once.
    return createRequire(import.meta.url)('@opentelemetry/api') as typeof Api
  } catch {
    return undefined
  }
}

/** The name under which figures of this package are found. */
export const scope = '@tidemark/fanout'
