import type { Command } from 'commander'
import { resumeProjection } from '@tidemark/projections'
import { withReadModels } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import { changeProjection, projectionPath } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Resumed {
  readonly changed: boolean
}

export const configureProjectionsResume: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<projection>', 'its name')
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const server = serverOf(options, context)
      const resumed = server
        ? await changeProjection<Resumed>(
            server,
            { projection: name, path: projectionPath(name, 'resume'), options },
            context,
          )
        : await withReadModels(command, context, async (store, { loaded }): Promise<Resumed> => {
            const projection = findNamed(loaded.config.projections ?? [], name, 'projection')
            return { changed: await resumeProjection(store, projection) }
          })
      if (!resumed) return
      if (!resumed.changed) context.output.note('it was neither paused nor stopped: nothing was changed')
      context.output.one({ projection: name, resumed: resumed.changed })
    })
}
