import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** Why the server does not answer; undefined when it does. */
async function tryToQuery(url: string): Promise<Error | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Waits until a server answers a query; returns the last failure when `timeoutMs` passed or `gaveUp` said so. */
export async function waitForPostgres(
  url: string,
  timeoutMs: number,
  gaveUp: () => boolean,
): Promise<Error | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const failure = await tryToQuery(url)
    if (!failure || gaveUp() || performance.now() > deadline) return failure
    await sleep(20)
  }
}
