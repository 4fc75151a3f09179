import { createEventStore, type EventStore, type Logger } from '@tidemark/eventstore'
import type { ProjectionStore } from '@tidemark/projections'
import type { Command } from 'commander'
import { loadConfig, type LoadedConfig } from '../config/load-config.js'
import { resolveSettings, storeOptionsOf, type Settings } from '../config/resolve-settings.js'
import type { Context, GlobalOptions } from '../context.js'
import { openPool } from './open-database.js'
import { openReadModels } from './open-read-models.js'

/** The configuration and what follows from it, for one command. */
export interface Project {
  readonly loaded: LoadedConfig
  readonly settings: Settings
}

/** Loads the configuration that a command works with. */
export async function openProject(command: Command, context: Context): Promise<Project> {
  const { config, ...flags } = command.optsWithGlobals<GlobalOptions & { port?: string; host?: string }>()
  const loaded = await loadConfig(context.cwd, config)
  return { loaded, settings: resolveSettings(loaded, context.environment, flags) }
}

/** Works with the store of the project, and closes it afterwards. */
export async function withStore<T>(
  command: Command,
  context: Context,
  work: (store: EventStore, project: Project) => Promise<T>,
  logger?: Logger,
): Promise<T> {
  const project = await openProject(command, context)
  const pool = await openPool(project.settings)
  const options = storeOptionsOf(project.settings)
  const store = createEventStore(pool, { ...options, listen: false, ...(logger && { logger }) })
  try {
    return await work(store, project)
  } finally {
    await store.close()
    await pool.end()
  }
}

/** The same, with what the functions of projections take, wherever the read models are. */
export function withReadModels<T>(
  command: Command,
  context: Context,
  work: (readModels: ProjectionStore, project: Project) => Promise<T>,
): Promise<T> {
  return withStore(command, context, async (store, project) => {
    const { readModels, close } = await openReadModels(store, project.settings)
    try {
      return await work(readModels, project)
    } finally {
      await close()
    }
  })
}
