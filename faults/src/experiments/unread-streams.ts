import { readFileSync } from 'node:fs'
import type { Experiment } from '../experiment.js'
import { withApiServers } from '../workload/api-servers.js'
import { demand } from '../workload/demand.js'
import { percentile, startGoodClients } from '../workload/good-clients.js'
import { pause } from '../workload/pause.js'
import { openUnreadStreams } from '../workload/unread-streams.js'

const clients = 500
const seconds = { short: 8, full: 120, hunt: 8 } as const
/** What 500 streams may add to the memory of the server, however long nobody reads them. */
const grownAtMostMb = 150
const goodWithinMs = 250

/** Clients that ask for live rows and do not read them, while rows change all the time. */
export const unreadStreams: Experiment = {
  name: 'unread-streams',
  group: 'api',
  summary: '500 clients do not read their streams of live rows: memory stays bounded, and the others notice nothing',
  checks: ['requirements'],
  run: (context) =>
    withApiServers(context, async (servers) => {
      const { history, size, signal } = context
      const { token } = servers
      const server = await servers.start()
      const good = startGoodClients(server.url, token)
      await pause(1000, signal)
      const before = residentMb(server.pid)
      const unread = await openUnreadStreams(server.url, { token, path: '/v1/order-summary', count: clients })
      const quiet = good.latenciesMs.length
      await pause(seconds[size] * 1000, signal)
      const grown = Math.round(residentMb(server.pid) - before)
      await good.stop()
      unread.close()
      demand(
        history,
        'streams that began',
        `${clients} of 200`,
        JSON.stringify([...unread.statuses]),
        unread.statuses.get('200') === clients,
      )
      demand(history, 'memory that they took', `< ${grownAtMostMb} MB`, `${grown} MB`, grown < grownAtMostMb)
      const met = good.failures.length === 0
      demand(
        history,
        'requests of good clients that failed',
        'none',
        good.failures.slice(0, 5).join(' | ') || 'none',
        met,
      )
      const later = good.latenciesMs.slice(quiet)
      const p99 = percentile(later, 0.99)
      demand(
        history,
        `p99 of good clients (${later.length} requests)`,
        `< ${goodWithinMs} ms`,
        `${p99} ms`,
        p99 < goodWithinMs && later.length > 50,
      )
    }),
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024
}
