import type { Context } from '../context.js'
import type { AdminClient } from './admin-client.js'
import { askThrough, changeThrough, resultOrPlan, type ChangeOptions } from './through-server.js'

/** The path of a projection in the admin API, or of something about it. */
export function projectionPath(name: string, what?: string): string {
  return `/projections/${encodeURIComponent(name)}${what === undefined ? '' : `/${what}`}`
}

/** What a server is to do with a projection. */
export interface ProjectionChange {
  readonly projection: string
  readonly path: string
  readonly options: Pick<ChangeOptions, 'reason' | 'dryRun'>
  /** What it takes besides the reason; what is undefined is left out. */
  readonly input?: Readonly<Record<string, unknown>>
  /** Whether anything changes, so that a reason is needed; true unless said. */
  readonly changes?: boolean
}

/**
 * Has a server do something with a projection, and follows it to its end.
 *
 * @returns what came of it; undefined where only a plan was asked for, which is printed.
 * @throws {UsageError} a reason is needed. @throws {ServerError} @throws {CliError} the server refused, or it failed.
 */
export async function changeProjection<T>(
  server: AdminClient,
  { projection, path, options, input = {}, changes = true }: ProjectionChange,
  context: Context,
): Promise<T | undefined> {
  const { reason, dryRun } = options
  const changed = changes
    ? await changeThrough<T>(server, path, options, input, context)
    : await askThrough<T>(server, path, { ...input, reason, dryRun }, context)
  return resultOrPlan(changed, { projection }, context)
}
