import { databaseTemplate, migrate } from '@tidemark/migrations'
import { useTestDatabase, type UsedTestDatabase } from '@tidemark/test-servers/use-test-database'

/** Not the log's, so that whatever mixes them up meets a schema that is not there. */
export const readModelSchema = 'reads'

const template = {
  name: 'tidemark_read_models',
  contentHash: databaseTemplate.contentHash,
  async prepare(url: string) {
    await migrate(url, { schema: readModelSchema, readModelsOnly: true })
  },
}

/** A database of its own for the read models of a test file, and a pool. */
export const useReadModelDatabase = (): UsedTestDatabase => useTestDatabase(template)
