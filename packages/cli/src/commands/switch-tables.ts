import type { Command } from 'commander'
import {
  listProjections,
  type Projection,
  type ProjectionStatus,
  type PromoteOptions,
  type PromoteResult,
  type ProjectionStore,
} from '@tidemark/projections'
import { confirm } from '../confirm.js'
import type { GlobalOptions } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { interruptible } from '../interruptible.js'
import { changeProjection, projectionPath } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import type { ConfigureVerb } from '../verbs/verb.js'
import { readModelNamed } from './projections-rebuild.js'

/** Which table goes live, and how. */
export interface TableSwitch {
  readonly action: 'promote' | 'rollback'
  readonly status: 'built' | 'previous'
  readonly bringLive: (
    store: ProjectionStore,
    projection: Projection,
    options: PromoteOptions,
  ) => Promise<PromoteResult>
}

type Options = GlobalOptions & ChangeOptions

/** Makes a verb that asks, then makes another table of a projection live; it does not ask where there is none, and fails. */
export function configureSwitch({ action, status, bringLive }: TableSwitch): ConfigureVerb {
  return (verb, context) => {
    withServerChange(verb)
      .argument('<projection>', 'its name')
      .action(async (name: string, _options, command: Command) => {
        const options = command.optsWithGlobals<Options>()
        const server = serverOf(options, context)
        const ask = async (found: Tables | undefined) => {
          const question = found && questionOf(found, status)
          if (question !== undefined) await confirm(question, { yes: options.yes ?? false })
        }
        if (server) {
          if (!options.dryRun) await ask(await server.get<Told<ProjectionStatus>>(projectionPath(name)))
          const change = { projection: name, path: projectionPath(name, action), options }
          const result = await changeProjection<Told<PromoteResult>>(server, change, context)
          return result && context.output.one({ projection: name, ...result })
        }
        const result = await withReadModels(command, context, async (store, { loaded }) => {
          const projection = readModelNamed(loaded.config, name, 'that could go live')
          await ask((await listProjections(store, [projection]))[0])
          return interruptible((signal) => bringLive(store, projection, { signal }), 'the same table is live as before')
        })
        context.output.one({ projection: name, ...result })
      })
  }
}

type Tables = Pick<ProjectionStatus | Told<ProjectionStatus>, 'name' | 'version' | 'tables'>

/** What to ask before another table goes live; undefined where there is none. */
function questionOf({ name, version, tables }: Tables, status: TableSwitch['status']): string | undefined {
  const chosen = tables.findLast((table) => {
    return table.status === status && (status !== 'built' || table.version === version)
  })
  const live = tables.find((table) => table.status === 'live')
  const instead = live ? ` instead of ${live.table} (version ${live.version})` : ''
  return chosen && `Let readers of "${name}" see ${chosen.table} (version ${chosen.version})${instead}?`
}
