import { replay, type HandlerReplayResult, type ReplayOptions, type ReplayResult } from '@tidemark/projections'
import type { Command } from 'commander'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { UsageError } from '../errors.js'
import { findNamed } from '../find-named.js'
import { interruptible } from '../interruptible.js'
import { bigNumber } from '../numbers.js'
import { repeatable } from '../repeatable.js'
import { changeProjection, projectionPath, type ProjectionChange } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import { instant } from '../times.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends GlobalOptions, ChangeOptions {
  readonly from?: bigint
  readonly to?: bigint
  readonly since?: Date
  readonly until?: Date
  readonly stream?: readonly string[]
  readonly type?: readonly string[]
  readonly sideEffects?: boolean
}

const asGiven = repeatable((text) => text)

export const configureProjectionsReplay: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<projection>', 'its name')
    .option('--from <position>', 'the first position', bigNumber)
    .option('--to <position>', 'the last position', bigNumber)
    .option('--since <time>', 'only what was recorded at this time or later', instant)
    .option('--until <time>', 'only what was recorded at this time or before', instant)
    .option('--stream <id>', 'only this stream, such as order-o-42; may be given again', asGiven)
    .option('--type <event>', 'only this type of event; may be given again', asGiven)
    .option('--side-effects', 'commit what a handler does')
    .action(async (name: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>()
      const { sideEffects = false, yes = false, dryRun = false } = options
      const server = serverOf(options, context)
      const ask = async () => {
        if (sideEffects && !dryRun) await confirm(`Let "${name}" handle events again, and keep what it does?`, { yes })
      }
      if (server) {
        await ask()
        const result = await changeProjection<ReplayResult | HandlerReplayResult>(
          server,
          replayOf(name, options),
          context,
        )
        return result && context.output.one({ projection: name, ...result })
      }
      const result = await withReadModels(command, context, async (store, { loaded }) => {
        const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
        if (sideEffects && projection.kind === 'read-model')
          throw new UsageError(`"${name}" is a read model, which has no side effects: rebuild it instead`)
        await ask()
        const progress = context.output.progress(`replaying to ${name}`)
        const startedAt = performance.now()
        let first: bigint | undefined
        let reached: bigint | undefined
        try {
          return await interruptible(
            (signal) =>
              replay(store, projection, {
                ...rangeOf(options),
                ...{ sideEffects, signal },
                onProgress: ({ done, total }) => {
                  reached = done
                  first ??= done
                  progress.update({
                    done,
                    total,
                    perSecond: Number(done - first) / ((performance.now() - startedAt) / 1000),
                  })
                },
              }),
            sideEffects ? 'what came before the batch in work is kept' : 'nothing was changed',
          )
        } catch (error) {
          if (sideEffects && reached !== undefined) context.output.note(`kept up to position ${reached}`)
          throw error
        } finally {
          progress.end()
        }
      })
      context.output.one({ projection: name, ...result })
    })
}

function replayOf(projection: string, options: Options): ProjectionChange {
  const { from, to, since, until, streams, types } = rangeOf(options)
  const { sideEffects = false } = options
  const input = {
    ...{ from: from?.toString(), to: to?.toString(), since: since?.toISOString(), until: until?.toISOString() },
    ...{ streams, types, sideEffects },
  }
  return { projection, path: projectionPath(projection, 'replay'), options, input, changes: sideEffects }
}

function rangeOf({ from, to, since, until, stream, type }: Options): ReplayOptions {
  return {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    ...(since && { since }),
    ...(until && { until }),
    ...(stream && { streams: stream }),
    ...(type && { types: type }),
  }
}
