import { createEventStore, type EventStore } from '@tidemark/eventstore'
import { latestMigration, migrationVersion } from '@tidemark/migrations'
import pg from 'pg'
import { storeOptionsOf, type Settings } from '../config/resolve-settings.js'
import { connect, requireDatabase } from '../database/open-database.js'
import { openReadModels, settingsOfReadModels } from '../database/open-read-models.js'
import type { Project } from '../database/with-store.js'
import { selectServerFacts } from '../sql/select-server-facts.js'
import { checkKafka } from './check-kafka.js'
import { checkServer, checkSlots } from './check-server.js'
import { checkCheckpoints, checkHead, checkSequence, checkSnapshots } from './check-store.js'
import { failure, fine, type Finding } from './finding.js'

/**
 * Looks at everything that a project works with. It changes nothing, but notes a promoted standby as every start does. A check that cannot be made is a finding itself.
 *
 * @throws {SurroundingError} the database cannot be reached.
 */
export async function diagnose({ loaded, settings }: Project): Promise<Finding[]> {
  const { bridges = [], consumers = [], aggregates } = loaded.config
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
      findings.push(...(await tried('checkpoints', () => checkAllCheckpoints(store, settings))))
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

async function checkAllCheckpoints(store: EventStore, settings: Settings): Promise<readonly Finding[]> {
  const now = new Date((await selectServerFacts(store.database)).clockMs)
  const findings = await checkCheckpoints(store, store.database, now)
  const { readModels, close } = await openReadModels(store, settings)
  try {
    return readModels === store ? findings : [...findings, ...(await checkCheckpoints(store, readModels.database, now))]
  } finally {
    await close()
  }
}

async function tried(check: string, make: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await make()
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [
      failure(
        check,
        `could not be looked at: ${reason}`,
        'see the rights of the role, and `--debug` of the other commands',
      ),
    ]
  }
}
