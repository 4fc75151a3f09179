import { pause } from './pause.js'

/** What well-behaved clients have met. */
export interface GoodClients {
  readonly latenciesMs: readonly number[]
  /** Answers that they should not have had. */
  readonly failures: readonly string[]
  stop(): Promise<void>
}

/** What these clients say of a request. */
interface Init {
  readonly method?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

const pauseMs = 20
const clients = 4

/** Clients that place orders and read them, one request after the other, with a pause between them. */
export function startGoodClients(url: string, token: string): GoodClients {
  const stopping = new AbortController()
  const latenciesMs: number[] = []
  const failures: string[] = []
  const ask = async (path: string, init: Init = {}): Promise<Response> => {
    const begun = performance.now()
    const answer = await fetch(`${url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers },
    })
    await answer.text()
    latenciesMs.push(performance.now() - begun)
    if (!answer.ok) failures.push(`${path}: ${answer.status}`)
    return answer
  }
  const work = async (client: number) => {
    const body = JSON.stringify({ customerId: `c-${client}`, items: [{ sku: 'tea', quantity: 1, unitPrice: 890 }] })
    for (let n = 0; !stopping.signal.aborted; n++) {
      const id = `good-${client}-${n}`
      const placed = await ask(`/v1/order/${id}/place`, { method: 'POST', body })
      const seen = { 'consistency-token': placed.headers.get('consistency-token') ?? '', prefer: 'wait=5' }
      await ask(`/v1/order-summary/${id}`, { headers: seen })
      await ask('/v1/order-summary?limit=20')
      await pause(pauseMs, stopping.signal)
    }
  }
  const working = Promise.all(Array.from({ length: clients }, (_, client) => work(client)))
  working.catch((error: unknown) => failures.push(String(error)))
  return {
    latenciesMs,
    failures,
    stop: async () => {
      stopping.abort()
      await working.catch(() => undefined)
    },
  }
}

/** The time within which this share of requests was answered; 0 without any. */
export function percentile(latenciesMs: readonly number[], share: number): number {
  const sorted = [...latenciesMs].sort((a, b) => a - b)
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
}
