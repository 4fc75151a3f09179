import { startContainerPostgres } from './start-container-postgres.js'
import { startEmbeddedPostgres, type EmbeddedPostgresOptions } from './start-embedded-postgres.js'

/** A Postgres server that the tests may use, wherever it comes from. */
export interface PostgresServer {
  readonly kind: 'external' | 'container' | 'embedded'
  /** What tests connect to; with an external server this may lead through a pooler. */
  readonly url: string
  /** A connection without a pooler, for creating databases and for migrations. */
  readonly directUrl: string
  /** Gives the server back: ends it, unless it is external. */
  close(): Promise<void>
}

/**
 * Starts a real Postgres, or takes the one that the environment names.
 *
 * `TEST_DATABASE_URL` (with `TEST_DIRECT_DATABASE_URL` beside a pooler) comes first, then a container when
 * `TIDEMARK_TEST_CONTAINERS=1`, then the embedded binaries. An external server takes no options: only its URL is used.
 *
 * @throws {ServerUnavailableError} none of them can be used here.
 * @throws {ServerStartError} the server did not become ready.
 * @example
 * const postgres = await startPostgres()
 * const pool = new pg.Pool({ connectionString: postgres.url })
 */
export async function startPostgres(options: Omit<EmbeddedPostgresOptions, 'dataDir'> = {}): Promise<PostgresServer> {
  const url = process.env['TEST_DATABASE_URL']
  if (url) {
    const directUrl = process.env['TEST_DIRECT_DATABASE_URL'] ?? url
    return { kind: 'external', url, directUrl, close: () => Promise.resolve() }
  }
  if (process.env['TIDEMARK_TEST_CONTAINERS'] === '1') return startContainerPostgres(options.settings)
  return startEmbeddedPostgres(options)
}
