import { randomBytes } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { dropDatabasesOfRun } from './postgres/test-databases.js'
import { startPostgres } from './postgres/start-postgres.js'
import { sharedInRun } from './shared-in-run.js'

async function startForRun() {
  const postgres = await startPostgres({
    settings: {
      max_connections: '300',
      shared_buffers: '256MB',
      // Worker processes hand over every page of a clone, which takes ten times as long on a busy machine.
      io_method: 'sync',
    },
  })
  // Two runs may use one external server at the same time.
  return { postgres, runId: randomBytes(4).toString('hex') }
}

/**
 * A vitest global set-up: one Postgres for the whole run, provided as `postgresUrl`, `postgresDirectUrl` and
 * `postgresRunId`. The run's databases are dropped at its end, on an external server too.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { value, release } = await sharedInRun('postgres', startForRun, async ({ postgres, runId }) => {
    try {
      // The others vanish with their server.
      if (postgres.kind === 'external') await dropDatabasesOfRun(postgres.directUrl, runId)
    } finally {
      await postgres.close()
    }
  })
  project.provide('postgresUrl', value.postgres.url)
  project.provide('postgresDirectUrl', value.postgres.directUrl)
  project.provide('postgresRunId', value.runId)
  return release
}
