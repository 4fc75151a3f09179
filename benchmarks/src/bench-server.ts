import { startEmbeddedPostgres } from '@tidemark/test-servers'

/** A Postgres to measure on, as superuser. */
export interface BenchServer {
  readonly url: string
  close(): Promise<void>
}

/** Starts a Postgres that has every commit on disk, or takes the one of `BENCH_DATABASE_URL`, which stays. */
export async function startBenchServer(): Promise<BenchServer> {
  const given = process.env['BENCH_DATABASE_URL']
  if (given) return { url: given, close: () => Promise.resolve() }
  return startEmbeddedPostgres({
    settings: {
      shared_buffers: '1GB',
      max_wal_size: '8GB',
      max_connections: '200',
      fsync: 'on',
      synchronous_commit: 'on',
    },
  })
}
