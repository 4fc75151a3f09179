import type { LoadedConfig } from '../config/load-config.js'
import type { Settings } from '../config/resolve-settings.js'
import { describeDatabase } from '../database/connection-problem.js'
import { ensureDevFolder } from '../dev-database/data-folder.js'
import { claimDev } from '../dev-database/dev-state.js'
import { startDevDatabase } from '../dev-database/start-dev-database.js'
import { CliError } from '../errors.js'
import type { Output } from '../output/output.js'
import { introduce } from './introduce.js'
import { prepareStore } from './prepare-store.js'
import { serviceNames } from './service-names.js'
import { startServices } from './start-services.js'
import { listenForStop } from './stop-signal.js'
import { terminalLogger } from './terminal-logger.js'

export interface DevOptions {
  readonly loaded: LoadedConfig
  /** With the database to use; undefined for one of its own. */
  readonly settings: Settings
  readonly output: Output
  readonly seed: boolean
  /** Deletes the data of its own database first. */
  readonly reset: boolean
  readonly debug: boolean
}

/** Runs everything for development, until it is told to stop. */
export async function runDev(options: DevOptions): Promise<void> {
  const { loaded, settings, output, reset } = options
  const note = (text: string) => output.note(text)
  const told = listenForStop(note)
  const devFolder = ensureDevFolder(loaded.folder)
  if (settings.database) {
    return serve(settings, { ...options, devFolder, id: describeDatabase(settings.database.url), until: told })
  }
  const claim = claimDev(loaded.folder)
  try {
    const database = await startDevDatabase(loaded.folder, { reset, note })
    const { url, ended, logFile } = database
    const broken = ended.then(() => {
      throw new CliError(`Postgres has ended: see ${logFile}, and start again`)
    })
    const until = Promise.race([told, broken])
    // It ends for good reasons, too: whoever still waits for it then is told, nobody else.
    until.catch(() => undefined)
    try {
      const own: Settings = { ...settings, database: { url, from: 'tidemark dev' } }
      await serve(own, { ...options, devFolder, id: 'own', until, onReady: () => claim.tell(url) })
    } finally {
      await database.stop()
    }
  } finally {
    claim.release()
  }
}

interface ServeOptions extends DevOptions {
  readonly devFolder: string
  /** Tells this database from others that the project was run on. */
  readonly id: string
  readonly until: Promise<void>
  readonly onReady?: () => void
}

async function serve(settings: Settings, options: ServeOptions): Promise<void> {
  const { loaded, output, devFolder, id, until, onReady } = options
  const { config } = loaded
  const logger = terminalLogger(output, options.debug)
  const seed = options.seed ? config.seed : undefined
  await prepareStore(settings, {
    ...{ seed, ownTables: config.ownTables, devFolder, database: id, logger },
    note: (text) => output.note(text),
  })
  const services = await startServices(config, settings, {
    ...{ only: serviceNames, logger },
    ...{ createTopics: true, showPayloads: true },
  })
  try {
    onReady?.()
    introduce(output, { config, settings, services })
    await until
  } finally {
    await services.stop()
  }
}
