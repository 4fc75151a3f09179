import { ProducerClosedError, SendAbortedError, type FanoutError } from './errors.js'
import type { RawKafkaRecord } from './kafka-producer-port.js'
import { untilAborted } from './until-aborted.js'

/** One producer id of a Kafka client, from its connection to its end. */
export interface ProducerSession {
  /** False once what it sends could be mistaken for what it has sent; it is then replaced. */
  readonly usable: boolean
  connect(): Promise<void>
  send(records: readonly RawKafkaRecord[]): Promise<void>
  close(): Promise<void>
}

/**
 * The sends of one producer, one after the other.
 *
 * Clients number the records of an idempotent producer, and lose records when sends overlap or a failed one is followed by another
 * with the same numbers. So there is one send at a time, and a session that failed is never used again.
 */
export class SendLane {
  private session: ProducerSession | undefined
  private last: Promise<unknown> = Promise.resolve()
  private closed = false

  constructor(
    private readonly newSession: () => ProducerSession,
    private readonly translate: (error: unknown) => FanoutError,
  ) {}

  async connect(): Promise<void> {
    await this.inTurn(() => this.usableSession())
  }

  async send(records: readonly RawKafkaRecord[], signal: AbortSignal | undefined): Promise<void> {
    if (records.length === 0) return
    await this.inTurn(async () => {
      if (signal?.aborted) throw new SendAbortedError()
      const session = await this.usableSession()
      await untilAborted(session.send(records), signal).finally(() => {
        if (!session.usable || signal?.aborted) this.discard(session)
      })
    })
  }

  async close(): Promise<void> {
    this.closed = true
    const { session } = this
    this.session = undefined
    await session?.close()
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last.then(work).catch((error: unknown) => {
      throw this.translate(error)
    })
    this.last = turn.catch(() => undefined)
    return turn
  }

  private async usableSession(): Promise<ProducerSession> {
    if (this.closed) throw new ProducerClosedError()
    if (this.session) return this.session
    const session = this.newSession()
    await session.connect().catch(async (error: unknown) => {
      await session.close()
      throw error
    })
    if (this.closed) {
      await session.close()
      throw new ProducerClosedError()
    }
    return (this.session = session)
  }

  private discard(session: ProducerSession): void {
    if (this.session === session) this.session = undefined
    void session.close()
  }
}
