import { createEventStore, type Database, type EventStore } from '@tidemark/eventstore'
import { latestMigration, migrationVersion } from '@tidemark/migrations'
import pg from 'pg'
import { storeOptionsOf, type Settings } from '../config/resolve-settings.js'
import { connect, requireDatabase } from '../database/open-database.js'
import { openReadModels, settingsOfReadModels } from '../database/open-read-models.js'
import type { TidemarkConfig } from '../define-config.js'
import { selectServerFacts } from '../sql/select-server-facts.js'
import { checkKafka } from './check-kafka.js'
import { checkServer, checkSlots } from './check-server.js'
import { checkCheckpoints, checkHead, checkSequence, checkSnapshots } from './check-store.js'
import { failure, fine, type Finding } from './finding.js'

export interface DiagnoseOptions {
  /** What a finding says of a check that failed; the message of its error unless given. */
  readonly tell?: (error: unknown) => string
  /** Leaves out what projections, bridges and subscriptions met last, which may hold data of events. */
  readonly hidesErrors?: boolean
}

/**
 * Looks at everything that a project works with. It changes nothing, but notes a promoted standby as every start does. A check that cannot be made is a finding itself.
 *
 * @throws {SurroundingError} the database cannot be reached.
 */
export async function diagnose(
  { bridges = [], consumers = [], aggregates }: TidemarkConfig,
  settings: Settings,
  { tell = messageOf, hidesErrors = false }: DiagnoseOptions = {},
): Promise<Finding[]> {
  const tried = (check: string, make: () => Promise<readonly Finding[]>) =>
    make().catch((error: unknown) => [notMade(check, tell(error))])
  const findings = [await checkMigrations(settings)]
  const own = settingsOfReadModels(settings)
  if (own) findings.push(await checkMigrations(own))
  if (findings.every(({ level }) => level === 'ok')) {
    const pool = new pg.Pool({
      connectionString: requireDatabase(settings).url,
      max: 2,
      application_name: 'tidemark doctor',
    })
    const store = createEventStore(pool, { ...storeOptionsOf(settings), listen: false })
    try {
      const { database } = store
      findings.push(...(await tried('sequence', () => checkSequence(store))))
      findings.push(...(await tried('head', async () => [await checkHead(store)])))
      findings.push(...(await tried('checkpoints', () => checkAllCheckpoints(store, settings, hidesErrors))))
      findings.push(...(await tried('snapshots', () => checkSnapshots(store, aggregates))))
      findings.push(...(await tried('server', () => checkServer(database))))
      findings.push(...(await tried('replication slots', () => checkSlots(database))))
    } finally {
      await store.close()
      await pool.end()
    }
  }
  return [...findings, ...(await checkKafka({ brokers: settings.brokers, bridges, consumers }))]
}

async function checkMigrations(settings: Settings): Promise<Finding> {
  const { schema } = settings
  const client = await connect(settings)
  const version = await migrationVersion(client, schema).finally(() => client.end())
  if (version === latestMigration) return fine('schema', `the schema "${schema}" is at migration ${version}`)
  const message = `the schema "${schema}" is at migration ${version}, this code needs ${latestMigration}`
  const remedy = version < latestMigration ? '`tidemark db migrate`' : 'deploy the release that migrated it'
  return failure('schema', message, remedy)
}

async function checkAllCheckpoints(
  store: EventStore,
  settings: Settings,
  hidesErrors: boolean,
): Promise<readonly Finding[]> {
  const now = new Date((await selectServerFacts(store.database)).clockMs)
  const look = (database: Database) => checkCheckpoints(store, database, { now, hidesErrors })
  const findings = await look(store.database)
  const { readModels, close } = await openReadModels(store, settings)
  try {
    return readModels === store ? findings : [...findings, ...(await look(readModels.database))]
  } finally {
    await close()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function notMade(check: string, reason: string): Finding {
  return failure(
    check,
    `could not be looked at: ${reason}`,
    'see the rights of the role, and `--debug` of the other commands',
  )
}
