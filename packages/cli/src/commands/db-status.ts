import type { Command } from 'commander'
import { readDatabaseStatus, type DatabaseStatus } from '../database/database-status.js'
import { openProject } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDbStatus: ConfigureVerb = (verb, context) => {
  withServer(verb).action(async (options: { readonly server?: string }, command: Command) => {
    const server = serverOf(options, context)
    const status: DatabaseStatus | Told<DatabaseStatus> = server
      ? await server.get<Told<DatabaseStatus>>('/database')
      : await readDatabaseStatus((await openProject(command, context)).settings)
    context.output.one({ ...status })
    const { state } = status
    if (state === 'too old') context.output.note('run `tidemark db migrate`')
    if (state === 'too new') context.output.note('upgrade @tidemark/migrations to the release that migrated it')
    if (state !== 'current') context.ends.code = exitCode.unhealthy
  })
}
