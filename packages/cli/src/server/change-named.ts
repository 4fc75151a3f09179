import type { Context } from '../context.js'
import type { AdminClient } from './admin-client.js'
import { changeThrough, resultOrPlan, type ChangeOptions } from './through-server.js'

const collections = { bridge: 'bridges', consumer: 'consumers' } as const

/** What a server knows by its name. */
export interface NamedThing {
  readonly noun: keyof typeof collections
  readonly name: string
}

/** The path of a bridge or a consumer in the admin API, or of something about it. */
export function pathTo({ noun, name }: NamedThing, what?: string): string {
  return `/${collections[noun]}/${encodeURIComponent(name)}${what === undefined ? '' : `/${what}`}`
}

/** What a server is to do with it. */
export interface NamedChange<Plan> extends NamedThing {
  readonly action: string
  readonly options: Pick<ChangeOptions, 'reason' | 'dryRun'>
  /** What it takes besides the reason; what is undefined is left out. */
  readonly input?: Readonly<Record<string, unknown>>
  /** Asks the person in front of it, who is told what would be done; not called where that alone is wanted. */
  readonly agree?: (plan: Plan) => Promise<void>
}

/**
 * Has a server change a bridge or a consumer, and follows it to its end.
 *
 * @returns what came of it; undefined where only a plan was asked for, which is printed.
 * @throws {UsageError} no reason is given. @throws {ServerError} @throws {CliError} the server refused, or it failed.
 */
export async function changeNamed<T, Plan = unknown>(
  server: AdminClient,
  { action, options, input = {}, agree, ...thing }: NamedChange<Plan>,
  context: Context,
): Promise<T | undefined> {
  const path = pathTo(thing, action)
  if (agree && !options.dryRun) {
    const planned = await changeThrough(server, path, { ...options, dryRun: true }, input, context)
    if ('plan' in planned) await agree(planned.plan as Plan)
  }
  const changed = await changeThrough<T>(server, path, options, input, context)
  return resultOrPlan(changed, { [thing.noun]: thing.name }, context)
}
