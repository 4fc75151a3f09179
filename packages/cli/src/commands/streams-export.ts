import { Option, type Command } from 'commander'
import { writeFile } from 'node:fs/promises'
import { dirname, relative, resolve, sep } from 'node:path'
import type { LoadedConfig } from '../config/load-config.js'
import { openProject, withStore } from '../database/with-store.js'
import { CliError } from '../errors.js'
import { historyOf, tell, type ToldStream } from '../export/history-of.js'
import { htmlExport } from '../export/html-export.js'
import { jsonExport } from '../export/json-export.js'
import { vitestExport } from '../export/vitest-export.js'
import { aggregateOf } from '../history/aggregate-of.js'
import { moment } from '../history/moment.js'
import { tellThrough } from '../server/tell-through.js'
import { serverOf, withServer } from '../server/through-server.js'
import { streamsOf, withTenantOption } from '../streams-of.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly as: 'json' | 'vitest' | 'html'
  readonly at?: bigint | Date
  readonly file?: string
  readonly tenant?: string
  readonly server?: string
}

export const configureStreamsExport: ConfigureVerb = (verb, context) => {
  withServer(withTenantOption(verb))
    .argument('<stream>', 'the id, such as order-o-42')
    .addOption(new Option('--as <form>', 'what is written').choices(['json', 'vitest', 'html']).default('json'))
    .option('--at <moment>', 'the last version, or a time such as 2025-03-01T12:00:00Z; now unless said', moment)
    .option('--file <path>', 'write to this new file instead of stdout')
    .action(async (streamId: string, options: Options, command: Command) => {
      const { as, at, file, tenant } = options
      const path = file === undefined ? undefined : resolve(context.cwd, file)
      const server = serverOf(options, context)
      const textOf = (stream: ToldStream, { config, path: configuration }: LoadedConfig) => {
        const history = historyOf(aggregateOf(config, streamId).aggregate, streamId, stream)
        if (as === 'json') return jsonExport(history)
        if (as === 'html') return htmlExport(history)
        const folder = path === undefined ? context.cwd : dirname(path)
        return vitestExport(history, { configuration: specifierOf(folder, configuration) })
      }
      const text = server
        ? textOf(await tellThrough(server, streamId, at, tenant), (await openProject(command, context)).loaded)
        : await withStore(command, context, async (store, { loaded }) =>
            textOf(await tell(store, streamsOf(store, tenant), streamId, at), loaded),
          )
      if (path === undefined) return context.output.raw(text)
      await writeFile(path, text, { flag: 'wx' }).catch((cause: unknown) => {
        throw new CliError(`the file ${path} cannot be made: ${String(cause)}`, { cause })
      })
      context.output.one({ streamId, as, file: path })
    })
}

/** How a module of a folder imports a file, on every system. */
function specifierOf(folder: string, path: string): string {
  const specifier = relative(folder, path).split(sep).join('/').replace(/\.ts$/, '.js')
  return specifier.startsWith('.') ? specifier : `./${specifier}`
}
