import type { Experiment, ExperimentContext } from '../experiment.js'
import { withApiServers, type ApiServer, type ApiServers } from '../workload/api-servers.js'
import { demand } from '../workload/demand.js'
import { pause } from '../workload/pause.js'

const kills = { short: 5, full: 60, hunt: 5 } as const
const clients = 16
const betweenKillsMs = 700
/** How long a client tries one command before it says that it was never answered. */
const patienceMs = 60_000

/** A command that was answered in the end, and how often it was sent for that. */
interface Answered {
  readonly id: string
  readonly tries: number
  /** Whether it was answered before it was carried out. */
  readonly accepted: boolean
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly token: string
  readonly location: string
}

/**
 * Servers die in the middle of commands; clients send the same command with the same key until somebody answers. Half of them ask for an answer at
 * once, and look afterwards what became of the command.
 */
export const killedServers: Experiment = {
  name: 'killed-servers',
  group: 'api',
  summary:
    '`kill -9` of servers under commands with an Idempotency-Key: each command is carried out once, and read by whoever sent it',
  checks: ['requirements'],
  run: (context) => withApiServers(context, (servers) => run(context, servers)),
}

async function run(context: ExperimentContext, servers: ApiServers): Promise<void> {
  const { history, size, signal, random, database } = context
  const running: ApiServer[] = [await servers.start(), await servers.start()]
  const done = new AbortController()
  const answered: Answered[] = []
  const complaints: string[] = []
  const load = Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const shop = new Customer(client, servers.token, () =>
        running.filter(({ running: alive }) => alive).map(({ url }) => url),
      )
      while (!done.signal.aborted) await shop.order(answered, complaints)
    }),
  )
  load.catch(() => undefined)
  for (let kill = 0; kill < kills[size] && !signal.aborted; kill++) {
    await pause(betweenKillsMs + random.integer(0, 300), signal)
    await running.shift()?.kill()
    running.push(await servers.start())
    // This one dies when it has stored a command and has not said so.
    const mortal = await servers.start(`append.after=kill@${random.integer(1, 20)}`)
    running.push(mortal)
    await mortal.outcome
    running.splice(running.indexOf(mortal), 1)
  }
  await pause(betweenKillsMs, signal)
  done.abort()
  await load

  const pool = database.createPool({ max: 1 })
  const { rows } = await pool.query<{ stream_id: string; events: number }>(
    'select stream_id, count(*)::int as events from tidemark.events group by 1',
  )
  const expected = new Map<string, number>()
  for (const { id } of answered) expected.set(`order-${id}`, (expected.get(`order-${id}`) ?? 0) + 1)
  const wrong = rows.filter(({ stream_id, events }) => expected.get(stream_id) !== events)
  const repeated = answered.filter(({ tries }) => tries > 1).length
  const none = (name: string, those: readonly string[]) =>
    demand(history, name, 'none', those.slice(0, 5).join(' | ') || 'none', those.length === 0)
  none(
    'orders with more or fewer events than commands',
    wrong.map(({ stream_id, events }) => `${stream_id}: ${events}`),
  )
  none(
    'orders that are not stored',
    [...expected.keys()].filter((id) => !rows.some(({ stream_id }) => stream_id === id)),
  )
  none('answers that should not have been', complaints)
  demand(history, 'commands that were sent more than once', 'some', repeated, repeated > 0)
  const accepted = answered.filter((command) => command.accepted).length
  demand(history, 'commands that were answered before they were carried out', 'some', accepted, accepted > 0)
  demand(history, 'commands that were carried out', '100', answered.length, answered.length >= 100)
}

/** Places orders and pays them, each command with a key of its own, and reads its own writes from whichever server is there. */
class Customer {
  private next = 0

  constructor(
    private readonly client: number,
    private readonly token: string,
    private readonly urls: () => readonly string[],
  ) {}

  async order(answered: Answered[], complaints: string[]): Promise<void> {
    const id = `c${this.client}-${this.next++}`
    const place = { customerId: `c-${this.client}`, items: [{ sku: 'tea', quantity: 1, unitPrice: 890 }] }
    for (const [command, body] of [
      ['place', place],
      ['pay', { paymentId: `p-${id}` }],
    ] as const) {
      const sent = await this.untilAnswered(`/v1/order/${id}/${command}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: {
          ...{ 'content-type': 'application/json', 'idempotency-key': `${command}-${id}` },
          ...(this.client % 2 === 1 && { prefer: 'respond-async' }),
        },
      })
      const accepted = sent.answer.status === 202
      const { answer } = accepted ? await this.untilDone(sent.answer.location) : sent
      const { status, text, token } = answer
      if (status !== 200 && status !== 201) return void complaints.push(`${command} ${id}: ${status} ${text}`)
      answered.push({ id, tries: sent.tries, accepted })
      const seen = { 'consistency-token': token, prefer: 'wait=5' }
      const read = await this.untilAnswered(`/v1/order-summary/${id}`, { headers: seen })
      const wanted = command === 'place' ? '"placed"' : '"paid"'
      if (!read.answer.text.includes(`"status":${wanted}`))
        complaints.push(`${id} is not ${wanted}: ${read.answer.text}`)
    }
  }

  /** Looks until a command that was accepted is not pending any more. */
  private untilDone(location: string) {
    return this.untilAnswered(location, {}, ({ text }) => !text.includes('"status":"pending"'))
  }

  /** Tries another server after each failure that another try may mend. */
  private async untilAnswered(path: string, init: RequestInit, isEnough: (answer: Answer) => boolean = () => true) {
    const until = performance.now() + patienceMs
    for (let tries = 1; ; tries++) {
      const urls = this.urls()
      const url = urls[(tries + this.client) % Math.max(1, urls.length)]
      const answer = url === undefined ? undefined : await this.ask(`${url}${path}`, init)
      const isFinal =
        answer &&
        answer.status < 500 &&
        !(answer.status === 409 && answer.text.includes('idempotency-key-in-use')) &&
        isEnough(answer)
      if (answer && (isFinal || performance.now() > until)) return { answer, tries }
      if (performance.now() > until) throw new Error(`${path} was not answered within ${patienceMs} ms`)
      await pause(50)
    }
  }

  private async ask(url: string, init: RequestInit): Promise<Answer | undefined> {
    try {
      const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${this.token}` }
      const answer = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(15_000) })
      const header = (name: string) => answer.headers.get(name) ?? ''
      const [token, location] = [header('consistency-token'), header('location')]
      return { status: answer.status, text: await answer.text(), token, location }
    } catch {
      return undefined
    }
  }
}
