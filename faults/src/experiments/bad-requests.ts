import type { Experiment, ExperimentContext } from '../experiment.js'
import { withApiServers, type ApiServers } from '../workload/api-servers.js'
import { badRequest, type BadRequest } from '../workload/bad-requests.js'
import { demand } from '../workload/demand.js'
import { percentile, startGoodClients } from '../workload/good-clients.js'
import { rawClient, sendBytes, type RawAnswer } from '../workload/send-raw.js'

const requests = { short: 10_000, full: 100_000, hunt: 2000 } as const
const connections = 16
const goodWithinMs = 250
const shownAtMost = 5

/** What no answer may hold: stacks, files, statements, and what the driver says. */
const leaks = [
  /\bat (?:async )?[\w.<>]+ \(?(?:file:|node:|\/)[^)]*:\d+:\d+/,
  /node_modules|\.[jt]s:\d+/,
  /\bselect\b[^"]{0,200}\bfrom\b\s+tidemark/i,
  /ECONNREFUSED|SQLSTATE|syntax error at or near/,
]

/** Thousands of broken requests over real HTTP, while well-behaved clients go on. */
export const badRequests: Experiment = {
  name: 'bad-requests',
  group: 'api',
  summary:
    '10,000 broken requests: none is the fault of the server, no answer tells its secrets, good clients notice nothing',
  checks: ['requirements'],
  run: (context) => withApiServers(context, (servers) => run(context, servers)),
}

async function run(context: ExperimentContext, servers: ApiServers): Promise<void> {
  const { history, random, size, signal, database } = context
  const { token } = servers
  const { url } = await servers.start()
  const secrets = secretsOf(database.url, token)
  const good = startGoodClients(url, token)
  const found: Findings = { ours: [], leaks: [], strange: [], byStatus: new Map() }
  const client = rawClient(url, connections)
  let left: number = requests[size]
  const work = async () => {
    while (left-- > 0 && !signal.aborted) {
      const request = badRequest(random, token)
      judge(request, await client.send(request), secrets, found)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  client.close()
  const broken = await Promise.all(brokenBytes.map((bytes) => sendBytes(url, bytes)))
  await good.stop()

  const none = (name: string, those: readonly string[]) =>
    demand(
      history,
      name,
      'none',
      those.length === 0 ? 'none' : those.slice(0, shownAtMost).join(' | '),
      those.length === 0,
    )
  none('answers of 5xx', found.ours)
  none('answers that tell a secret, a stack, a path or a statement', found.leaks)
  none('refusals that are no problem of RFC 9457', found.strange)
  const statuses = [...found.byStatus].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`)
  const [accepted, refused] = [found.byStatus.get(200) ?? 0, found.byStatus.get(400) ?? 0]
  demand(
    history,
    'requests that went through, and that were refused',
    '20 and 100 at least',
    statuses.join(', '),
    accepted >= 20 && refused >= 100,
  )
  const wrongly = broken.filter((answer) => !/^HTTP\/1\.1 4\d\d /.test(answer))
  none(
    'broken bytes that were not refused with 4xx',
    wrongly.map((answer) => answer.slice(0, 100)),
  )
  none('requests of good clients that failed', good.failures)
  const [p99, count] = [percentile(good.latenciesMs, 0.99), good.latenciesMs.length]
  demand(
    history,
    `p99 of good clients (${count} requests)`,
    `< ${goodWithinMs} ms`,
    `${p99} ms`,
    p99 < goodWithinMs && count > 50,
  )
  const log = await servers.log()
  none(
    'secrets in the log',
    secrets.filter((secret) => log.includes(secret)),
  )
}

interface Findings {
  readonly ours: string[]
  readonly leaks: string[]
  readonly strange: string[]
  readonly byStatus: Map<number, number>
}

function judge({ method, path }: BadRequest, answer: RawAnswer, secrets: readonly string[], found: Findings): void {
  const { status, contentType, body } = answer
  found.byStatus.set(status, (found.byStatus.get(status) ?? 0) + 1)
  const what = `${method} ${path.slice(0, 120)} -> ${status} ${body.slice(0, 300)}`
  if (status >= 500) found.ours.push(what)
  // The pages of the documentation are files of their own.
  const isOurs = !/^\/(?:docs|problems)/.test(path) && !contentType.includes('html')
  if (isOurs && (leaks.some((leak) => leak.test(body)) || secrets.some((secret) => body.includes(secret))))
    found.leaks.push(what)
  const isBare = method === 'HEAD' || status === 0 || status === 304
  if (status >= 400 && !isBare && !contentType.includes('application/problem+json')) found.strange.push(what)
}

/** What an answer or a line of the log must never hold. */
function secretsOf(databaseUrl: string, token: string): string[] {
  const { password } = new URL(databaseUrl)
  return [token, ...(password.length > 3 ? [decodeURIComponent(password)] : [])]
}

/** No requests at all, or such that two servers in a row would not read alike. */
const brokenBytes = [
  'nonsense\r\n\r\n',
  'GET /v1/order-summary HTTP/9.9\r\nHost: x\r\n\r\n',
  'GET  /v1/order-summary  HTTP/1.1\r\nHost: x\r\n\r\n',
  `GET /v1/order-summary HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(100_000)}\r\n\r\n`,
  'POST /v1/order/o-1/place HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'POST /v1/order/o-1/place HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
  'POST /v1/order/o-1/place HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'GET /v1/order-summary HTTP/1.1\r\nHost: x\r\nBad Header: 1\r\n\r\n',
  'GET /v1/order-summary HTTP/1.1\r\nHost: x\r\nA: \u0000\r\n\r\n',
]
