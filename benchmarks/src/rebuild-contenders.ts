import { createEventStore } from '@tidemark/eventstore'
import { rebuildProjection } from '@tidemark/projections'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type pg from 'pg'
import { emptyReadModels } from './empty-read-models.js'
import { once, type Contender } from './harness.js'
import { orderTotals } from './order-totals.js'

const program = fileURLToPath(new URL('programs/rebuild-totals.js', import.meta.url))
const execute = promisify(execFile)

interface Outcome {
  readonly events: number
  readonly seconds: number
  readonly bytes: number
}

/** Runs a rebuild as a program of its own. */
export async function rebuildElsewhere(url: string, args: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  const { stdout } = await execute(process.execPath, [program, url, ...args], signal ? { signal } : {})
  return JSON.parse(stdout) as Outcome
}

/** A table that is built by one process, and by two that share its shards: processors are what a rebuild needs. */
export function rebuildContenders(
  { url, pool }: { readonly url: string; readonly pool: pg.Pool },
  against: string,
): readonly Contender[] {
  return [
    {
      name: 'rebuild 1 worker',
      unit: 'events',
      against,
      run: async () => {
        await emptyReadModels(pool, 'tidemark')
        const store = createEventStore(pool, { listen: false })
        const run = await once(async () => (await rebuildProjection(store, orderTotals)).events)
        await store.close()
        return run
      },
    },
    {
      name: 'rebuild 2 shards',
      unit: 'events',
      against,
      // The second process is as fresh as the first, whose start is not part of the work.
      run: async () => {
        await emptyReadModels(pool, 'tidemark')
        const [leading, helping] = await Promise.all([
          rebuildElsewhere(url, ['tidemark', '2']),
          rebuildElsewhere(url, ['tidemark', '2', 'join']),
        ])
        return { count: leading.events + helping.events, seconds: Math.max(leading.seconds, helping.seconds) }
      },
    },
  ]
}
