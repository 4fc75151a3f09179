import type { ServerOptions } from '@tidemark/api'
import type { TidemarkConfig } from '../define-config.js'

/** What the server of a project is made with, but for what it works on. */
export function serverOptionsOf({ aggregates, projections = [], api = {} }: TidemarkConfig) {
  const { port: _port, host: _host, admin, ...options } = api
  const isAsked = options.authentication !== undefined
  // Whoever lets everybody in from everywhere has not said that everybody may change everything.
  const hasAdmin = admin ?? (isAsked || !options.allowUnauthenticated)
  return { ...options, aggregates, projections, admin: hasAdmin } satisfies Partial<ServerOptions>
}
