import { groupParked, listProjections } from '@tidemark/projections'
import { z } from 'zod'
import { refuseTenant, type AdminContext } from '../admin-context.js'
import type { AdminRoutes } from '../admin-route.js'
import { countActiveOperations } from '../sql/operation-statements.js'

const lagging = z.object({ name: z.string(), lag: z.bigint(), lagMs: z.number() }).nullable()
const counts = { count: z.int(), failed: z.int(), paused: z.int(), worstLag: lagging }

interface Follower {
  readonly name: string
  readonly state: string
  readonly lag: bigint
  readonly lagMs?: number
}

/** Adds the route that says whether all is well. */
export function addOverviewRoute(routes: AdminRoutes, context: AdminContext): void {
  const { store, readModels, projections, bridges } = context
  routes.add({
    ...{ method: 'GET', url: '/overview', role: 'viewer', tag: 'overview', operationId: 'overview' },
    summary: 'Whether all is well, and what is not',
    answers: {
      200: {
        description: 'What the database knows now',
        schema: z.object({
          healthy: z.boolean(),
          problems: z.array(z.string()).meta({ description: 'What is not well, for people' }),
          head: z.object({
            position: z.bigint().meta({ description: 'The highest position that is safe to read' }),
            lastPosition: z.bigint().meta({ description: 'The highest position that was taken' }),
            heldBackByPid: z.int().optional().meta({ description: 'The backend whose open append holds the head' }),
          }),
          epoch: z.string(),
          projections: z.object({ ...counts, parkedEvents: z.int(), waitingEvents: z.int() }),
          bridges: z.object({ ...counts, parkedEvents: z.int() }),
          operations: z.object({ running: z.int(), pending: z.int() }),
        }),
      },
    },
    handle: async ({ request }) => {
      refuseTenant(request)
      const head = await store.head()
      const epoch = await store.log.epoch()
      const statuses = await listProjections(readModels, projections)
      const groups = await groupParked(readModels)
      const published = await Promise.all(bridges.map((bridge) => bridge.status()))
      const operations = await countActiveOperations(store.database)
      const parked = groups.reduce((sum, { failed }) => sum + failed, 0)
      const unsent = published.reduce((sum, { parkedEvents }) => sum + parkedEvents, 0)
      const holder = head.heldBackByPid === undefined ? '' : ` by pid ${head.heldBackByPid}`
      const problems = [
        ...(head.position < head.lastPosition ? [`an open append holds the head at ${head.position}${holder}`] : []),
        ...statuses.filter(isFailed).map(({ name }) => `projection "${name}" has failed`),
        ...published.filter(isFailed).map(({ name }) => `bridge "${name}" has failed`),
        ...(parked > 0 ? [`${parked} events failed in projections and are set aside`] : []),
        ...(unsent > 0 ? [`${unsent} events are not published and set aside`] : []),
      ]
      return {
        healthy: problems.length === 0,
        problems,
        head: {
          ...{ position: head.position, lastPosition: head.lastPosition },
          ...(head.heldBackByPid !== undefined && { heldBackByPid: head.heldBackByPid }),
        },
        epoch,
        projections: {
          ...summaryOf(statuses),
          parkedEvents: parked,
          waitingEvents: groups.reduce((sum, { blocked }) => sum + blocked, 0),
        },
        bridges: { ...summaryOf(published), parkedEvents: unsent },
        operations,
      }
    },
  })
}

function isFailed({ state }: Follower): boolean {
  return state === 'failed'
}

function summaryOf(followers: readonly Follower[]) {
  const [worst] = followers.toSorted((one, other) => (one.lag > other.lag ? -1 : 1))
  return {
    count: followers.length,
    failed: followers.filter(isFailed).length,
    paused: followers.filter(({ state }) => state === 'paused').length,
    worstLag: worst ? { name: worst.name, lag: worst.lag, lagMs: worst.lagMs ?? 0 } : null,
  }
}
