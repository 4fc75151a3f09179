import { Option, type Command } from 'commander'
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { openProject } from '../database/with-store.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly client?: 'ts'
  readonly file?: string
}

export const configureOpenapi: ConfigureVerb = (verb, { cwd, environment, output, ends }) => {
  verb
    .addOption(new Option('--client <language>', 'write a typed client instead, by openapi-typescript').choices(['ts']))
    .option('--file <path>', 'write to this file instead of stdout')
    .action(async ({ client, file }: Options, command: Command) => {
      const { loaded } = await openProject(command, { cwd, environment, output, ends })
      const { openapiDocument } = await import('../openapi/openapi-document.js')
      const document = await openapiDocument(loaded.config)
      const { typedClient } = await import('../openapi/typed-client.js')
      const text = client ? await typedClient(document, loaded.folder) : `${JSON.stringify(document, null, 2)}\n`
      if (file === undefined) return output.raw(text)
      // Made anew with each release, so one that is there is replaced.
      await writeFile(resolve(cwd, file), text)
      output.one({ file: resolve(cwd, file), form: client ? 'client' : 'document' })
      if (client) output.note('the client needs `npm install openapi-fetch`')
    })
}
