import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

async function answers(url: string): Promise<true | unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch (error) {
    return error
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * Waits until a server answers a query. Returns true, or the last error when `timeoutMs` passed or `gaveUp` said so.
 */
export async function waitForPostgres(url: string, timeoutMs: number, gaveUp: () => boolean): Promise<true | unknown> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const outcome = await answers(url)
    if (outcome === true || gaveUp() || performance.now() > deadline) return outcome
    await sleep(20)
  }
}
