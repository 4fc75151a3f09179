import { databaseTemplate } from '@tidemark/migrations'
import { useTestDatabase, type UsedTestDatabase } from '@tidemark/test-servers/use-test-database'
import type pg from 'pg'

/** A migrated database of its own for a test file, with a pool. */
export const useStoreDatabase = (options?: pg.PoolConfig): UsedTestDatabase =>
  useTestDatabase(databaseTemplate, options)
