import type { Command } from 'commander'
import {
  listProjections,
  type Projection,
  type PromoteOptions,
  type PromoteResult,
  type ProjectionStore,
} from '@tidemark/projections'
import { confirm } from '../confirm.js'
import type { Context, GlobalOptions } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { interruptible } from '../interruptible.js'
import { readModelNamed } from './projections-rebuild.js'

/** Which table goes live, and how. */
export interface TableSwitch {
  readonly status: 'built' | 'previous'
  readonly bringLive: (
    store: ProjectionStore,
    projection: Projection,
    options: PromoteOptions,
  ) => Promise<PromoteResult>
}

/** Asks, then makes another table of a projection live; does not ask where there is none, and fails. */
export async function switchTables(
  name: string,
  command: Command,
  context: Context,
  { status, bringLive }: TableSwitch,
): Promise<void> {
  const { yes = false } = command.optsWithGlobals<GlobalOptions>()
  const result = await withReadModels(command, context, async (store, { loaded }) => {
    const projection = readModelNamed(loaded.config, name, 'that could go live')
    const [found] = await listProjections(store, [projection])
    const tables = found?.tables ?? []
    const chosen = tables.findLast((table) => {
      return table.status === status && (status !== 'built' || table.version === projection.version)
    })
    const live = tables.find((table) => table.status === 'live')
    if (chosen) {
      const instead = live ? ` instead of ${live.table} (version ${live.version})` : ''
      await confirm(`Let readers of "${name}" see ${chosen.table} (version ${chosen.version})${instead}?`, { yes })
    }
    return interruptible((signal) => bringLive(store, projection, { signal }), 'the same table is live as before')
  })
  context.output.one({ projection: name, ...result })
}
