import { Option, type Command } from 'commander'
import type { Context } from '../context.js'
import { UsageError } from '../errors.js'
import { AdminClient, withServerOption } from './admin-client.js'
import { followOperation } from './follow-operation.js'
import { checkDone, type OperationView } from './operation.js'

/** The options of a verb that changes something, in the database itself or through a server. */
export interface ChangeOptions {
  readonly server?: string
  readonly reason?: string
  readonly dryRun?: true
}

/** What came of a change through a server: its result, or with `--dry-run` what would happen. */
export type Changed<T> = { readonly result: T } | { readonly plan: Readonly<Record<string, unknown>> }

/** Adds `--server` to a verb that looks at something: it asks the server instead of the database. */
export const withServer = withServerOption

/** Adds `--server`, with `--reason` and `--dry-run`, to a verb that changes something; a verb that has a reason anyway adds its own. */
export function withServerChange(command: Command, { ownReason = false } = {}): Command {
  const changing = withServerOption(command).addOption(
    new Option('--dry-run', 'say what the server would do, and do nothing; with --server'),
  )
  if (ownReason) return changing
  return changing
    .option('--reason <text>', 'why, for the audit of the server; with --server')
    .hook('preAction', (verb) => {
      const { server, reason } = verb.opts<ChangeOptions>()
      if (reason !== undefined && server === undefined)
        throw new UsageError('--reason is for the audit of a server: say --server')
    })
}

/** The server that a verb was told to ask; undefined where it works with the database. */
export function serverOf(
  { server, dryRun }: Pick<ChangeOptions, 'server' | 'dryRun'>,
  { environment }: Pick<Context, 'environment'>,
): AdminClient | undefined {
  if (server !== undefined) return new AdminClient(server, environment['TIDEMARK_TOKEN'])
  if (dryRun) throw new UsageError('--dry-run asks a server what it would do: say --server')
  return undefined
}

/**
 * Has a server change something, and follows it to its end.
 *
 * @param input what the change takes besides its reason; what is undefined is left out.
 * @throws {UsageError} no reason is given. @throws {CliError} the server refused, or the change failed.
 * @throws {InterruptedError} somebody pressed Ctrl-C; the operation goes on in the server.
 */
export async function changeThrough<T>(
  client: AdminClient,
  path: string,
  { reason, dryRun }: Pick<ChangeOptions, 'reason' | 'dryRun'>,
  input: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<Changed<T>> {
  if (reason === undefined) throw new UsageError('a server wants to know why: say --reason')
  return askThrough<T>(client, path, { ...input, reason, ...(dryRun && { dryRun }) }, context)
}

/** The same for what changes nothing, and needs no reason. */
export async function askThrough<T>(
  client: AdminClient,
  path: string,
  body: Readonly<Record<string, unknown>>,
  context: Context,
): Promise<Changed<T>> {
  const answer = await client.post<OperationView | { readonly plan: Readonly<Record<string, unknown>> }>(path, body)
  if ('plan' in answer) return { plan: answer.plan }
  const operation = answer.status === 'done' ? answer : await followOperation(client, answer.id, context)
  checkDone(operation)
  return { result: operation.result as T }
}

/** What came of a change; undefined where only a plan was asked for, which is printed with what names the thing. */
export function resultOrPlan<T>(
  changed: Changed<T>,
  thing: Readonly<Record<string, string>>,
  { output }: Pick<Context, 'output'>,
): T | undefined {
  if (!('plan' in changed)) return changed.result
  output.one({ ...thing, ...changed.plan })
  return undefined
}
