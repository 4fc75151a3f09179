import type { Command } from 'commander'
import { createEventStore } from '@tidemark/eventstore'
import { latestMigration, migrationVersion } from '@tidemark/migrations'
import pg from 'pg'
import { describeDatabase } from '../database/connection-problem.js'
import { connect, requireDatabase } from '../database/open-database.js'
import { openProject } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureDbStatus: ConfigureVerb = (verb, context) => {
  verb.action(async (_options: unknown, command: Command) => {
    const { settings } = await openProject(command, context)
    const { url } = requireDatabase(settings)
    const client = await connect(settings)
    const version = await migrationVersion(client, settings.schema).finally(() => client.end())
    const state = version === latestMigration ? 'current' : version < latestMigration ? 'too old' : 'too new'
    const status = {
      database: describeDatabase(url),
      schema: settings.schema,
      version,
      newest: latestMigration,
      state,
    }
    if (version === 0) {
      context.output.one(status)
    } else {
      context.output.one({ ...status, ...(await readHead(url, settings.schema)) })
    }
    if (state === 'too old') context.output.note('run `tidemark db migrate`')
    if (state === 'too new') context.output.note('upgrade @tidemark/migrations to the release that migrated it')
    if (state !== 'current') context.ends.code = exitCode.unhealthy
  })
}

async function readHead(url: string, schema: string) {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const store = createEventStore(pool, { schema, listen: false })
  try {
    const { position, lastPosition, heldBackByPid } = await store.head()
    return { head: position, lastPosition, heldBackByPid: heldBackByPid ?? null }
  } finally {
    await store.close()
    await pool.end()
  }
}
