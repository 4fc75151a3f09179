import { Option, type Command } from 'commander'
import {
  listProjections,
  rebuildProjection,
  type Projection,
  type RebuildOptions,
  type RebuildResult,
  type ProjectionStore,
} from '@tidemark/projections'
import type { Context, GlobalOptions } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { UsageError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { joining } from '../joining.js'
import { bigNumber, fraction, wholeNumber } from '../numbers.js'
import { SharedProgress } from '../rebuild-progress.js'
import { RebuildWorkers } from '../rebuild-workers.js'
import { changeProjection, projectionPath, type ProjectionChange } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { TidemarkConfig } from '../define-config.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly promote: boolean
  readonly workers: number
  readonly share: number
  readonly from?: bigint
  readonly join?: boolean
}

export const configureProjectionsRebuild: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<projection>', 'its name')
    .option('--no-promote', 'let the new table wait beside the live one, for `diff` and `promote`')
    .option('--from <position>', 'keep the live rows, and fold those again that events from here on touch', bigNumber)
    .addOption(
      new Option('--workers <n>', 'how many processes share the work; a server works alone')
        .argParser(wholeNumber)
        .default(1)
        .conflicts('server'),
    )
    .option('--share <part>', 'how much of the time each works, such as 0.5; the rest is left to others', fraction, 1)
    .addOption(
      new Option('--join', 'help with a rebuild that another process has begun').hideHelp().conflicts('server'),
    )
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      if (options.workers < 1) throw new UsageError('--workers is 0: at least this process works')
      if (options.from !== undefined && options.workers > 1)
        throw new UsageError('--from is for one process: leave --workers out')
      const server = serverOf(options, context)
      const result = server
        ? await changeProjection<RebuildResult>(server, rebuildOf(name, options), context)
        : await withReadModels(command, context, (store, { loaded }) => {
            const projection = readModelNamed(loaded.config, name)
            return options.join ? join(store, projection, options) : lead(store, projection, options, context)
          })
      if (!result) return
      context.output.one({ projection: name, ...result, durationMs: Math.round(result.durationMs) })
      if (options.promote || options.join) return
      context.output.note(`see \`tidemark projections diff ${name}\`, then \`tidemark projections promote ${name}\``)
    })
}

function rebuildOf(projection: string, options: Options): ProjectionChange {
  const { promote, share, from } = options
  const input = { promote, share, from: from?.toString() }
  return { projection, path: projectionPath(projection, 'rebuild'), options, input }
}

/** Begins the rebuild or goes on with it, with other processes to help. */
async function lead(
  store: ProjectionStore,
  projection: Projection,
  { workers: processes, share, promote, from, config }: Options,
  { output, environment, cwd }: Context,
): Promise<RebuildResult> {
  const { name } = projection
  const [status] = await listProjections(store, [projection])
  const begun = status?.tables.find((table) => table.status === 'building' && table.version === projection.version)
  const progress = output.progress(`rebuilding ${name}`)
  const shared = new SharedProgress(progress, begun)
  const args = [
    'projections',
    'rebuild',
    name,
    '--join',
    '--share',
    String(share),
    ...(config ? ['--config', config] : []),
  ]
  const workers = new RebuildWorkers({
    ...{ args, cwd, environment },
    onProgress: (worker, reported) => shared.update(worker, reported),
    onEnd: (worker) => shared.ended(worker),
  })
  let started = false
  const rebuild = async (signal: AbortSignal): Promise<RebuildResult> => {
    signal.addEventListener('abort', () => workers.interrupt())
    const onProgress: RebuildOptions['onProgress'] = (reached) => {
      // There is something to join from here on.
      if (!started) workers.start(processes - 1)
      started = true
      shared.update(0, reached)
    }
    try {
      const result = await rebuildProjection(store, projection, {
        signal,
        share,
        promote,
        shards: processes,
        ...(from !== undefined && { from }),
        onProgress,
      })
      complain(await workers.end())
      return result
    } catch (error) {
      workers.interrupt()
      await workers.end()
      throw error
    }
  }
  const complain = (complaints: readonly string[]) => {
    progress.end()
    for (const complaint of complaints) output.note(complaint)
  }
  const goOn = `the live table is as it was; \`tidemark projections rebuild ${name}\` goes on from here`
  return interruptible(rebuild, goOn).finally(() => progress.end())
}

/** Helps with the rebuild that another process leads. */
async function join(store: ProjectionStore, projection: Projection, { share }: Options): Promise<RebuildResult> {
  const { report, signal: alone } = joining()
  return interruptible((signal) => {
    const options = { share, signal: AbortSignal.any([signal, alone]), onProgress: report }
    return rebuildProjection(store, projection, { ...options, join: true })
  }, 'the others go on with its part')
}

/**
 * @throws {UnknownNameError} there is no projection of that name.
 * @throws {UsageError} it is a raw handler, which has no table for the purpose.
 */
export function readModelNamed(
  { projections = [] }: TidemarkConfig,
  name: string,
  purpose = 'that could be built anew: give it a new version instead',
): Projection {
  const projection = findNamed(projections, name, 'projection')
  if (projection.kind === 'read-model') return projection
  throw new UsageError(`"${name}" is a handler and has no table ${purpose}`)
}
