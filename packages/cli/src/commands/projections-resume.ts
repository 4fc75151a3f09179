import type { Command } from 'commander'
import { resumeProjection } from '@tidemark/projections'
import { withReadModels } from '../database/with-store.js'
import { findNamed } from '../find-named.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureProjectionsResume: ConfigureVerb = (verb, context) => {
  verb.argument('<projection>', 'its name').action(async (name: string, _options, command: Command) => {
    const resumed = await withReadModels(command, context, (store, { loaded }) =>
      resumeProjection(store, findNamed(loaded.config.projections ?? [], name, 'projection')),
    )
    if (!resumed) context.output.note('it was neither paused nor stopped: nothing was changed')
    context.output.one({ projection: name, resumed })
  })
}
