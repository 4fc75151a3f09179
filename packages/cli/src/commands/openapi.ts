import { Option, type Command } from 'commander'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Context } from '../context.js'
import { openProject } from '../database/with-store.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly server?: string
  readonly client?: 'ts'
  readonly file?: string
}

export const configureOpenapi: ConfigureVerb = (verb, context) => {
  const { cwd, output } = context
  withServer(verb)
    .addOption(new Option('--client <language>', 'write a typed client instead, by openapi-typescript').choices(['ts']))
    .option('--file <path>', 'write to this file instead of stdout')
    .action(async (options: Options, command: Command) => {
      const { client, file } = options
      const server = serverOf(options, context)
      const { document, folder } = server
        ? { document: await server.openapi(), folder: cwd }
        : await documentOfProject(command, context)
      const { typedClient } = await import('../openapi/typed-client.js')
      const text = client ? await typedClient(document, folder) : `${JSON.stringify(document, null, 2)}\n`
      if (file === undefined) return output.raw(text)
      // Made anew with each release, so one that is there is replaced.
      await writeFile(resolve(cwd, file), text)
      output.one({ file: resolve(cwd, file), form: client ? 'client' : 'document' })
      if (client) output.note('the client needs `npm install openapi-fetch`')
    })
}

async function documentOfProject(command: Command, context: Context) {
  const { loaded } = await openProject(command, context)
  const { openapiDocument } = await import('../openapi/openapi-document.js')
  return { document: await openapiDocument(loaded.config), folder: loaded.folder }
}
