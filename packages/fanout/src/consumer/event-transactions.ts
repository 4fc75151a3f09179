import { failpoint, inTransaction, type Database } from '@tidemark/eventstore'
import type { Client, ClientBase, Pool } from 'pg'
import type { ConsumedEvent } from './decode-record.js'
import type { ConsumeContext, ConsumerDefinition } from './define-consumer.js'
import { HandlingGivenUpError } from './errors.js'
import { claimEvents } from './inbox.js'
import { consumeSpan } from '../telemetry/consume-span.js'
import { pauseForCause, type Waiting } from './wait-for-causes.js'

/** Handles events in transactions that also note that they were handled. */
export class EventTransactions {
  constructor(
    private readonly definition: ConsumerDefinition,
    private readonly pool: Pool,
    private readonly database: Database,
    /** How long a handler may go on after it had to stop. */
    private readonly graceMs: number,
  ) {}

  /** How long an event has to wait for the one that it follows from, in milliseconds. @throws {CauseMissingError} */
  pauseForCause(event: ConsumedEvent, waiting: Waiting): Promise<number> {
    return pauseForCause(this.database, this.definition, event, waiting)
  }

  /** Handles one event; false when it was handled before. */
  async one(event: ConsumedEvent, context: ConsumeContext): Promise<boolean> {
    const { handling } = this.definition
    const handled = await this.within(context.signal, async (transaction) => {
      const [fresh] = await claimEvents(this.database, transaction, this.definition, [event])
      if (!fresh) return false
      await consumeSpan(this.definition.name, [fresh], async () => {
        if (handling.by === 'batch') await handling.handle(transaction, [fresh], context)
        else await handling.handlers.get(fresh.type)?.(transaction, fresh, context)
      })
      return true
    })
    await failpoint?.('consumer.handled')
    return handled
  }

  /** Handles events in one transaction; returns how many were not handled before. */
  async all(events: readonly ConsumedEvent[], signal: AbortSignal): Promise<number> {
    const { handling } = this.definition
    if (handling.by !== 'batch' || events.length === 0) return 0
    const handled = await this.within(signal, async (transaction) => {
      const fresh = await claimEvents(this.database, transaction, this.definition, events)
      const wanted = fresh.filter(({ type }) => this.definition.types.has(type))
      if (wanted.length > 0) {
        await consumeSpan(this.definition.name, wanted, () => handling.handle(transaction, wanted, { signal }))
      }
      return wanted.length
    })
    await failpoint?.('consumer.handled')
    return handled
  }

  /** Notes that an event needs no handling, where the inbox counts versions. */
  async pass(event: ConsumedEvent, signal: AbortSignal): Promise<void> {
    await this.within(signal, (transaction) => claimEvents(this.database, transaction, this.definition, [event]))
  }

  /** A transaction that ends some time after the work had to stop, whatever the handler still does. */
  private within<T>(signal: AbortSignal, work: (transaction: ClientBase) => Promise<T>): Promise<T> {
    const { graceMs } = this
    return inTransaction(this.pool, async (client) => {
      let timer: NodeJS.Timeout | undefined
      let onAbort = () => {}
      const givenUp = new Promise<never>((_resolve, reject) => {
        onAbort = () => {
          timer ??= setTimeout(() => {
            // Its further statements must not reach the connection once that is somebody else's.
            void (client as unknown as Client).end().catch(() => undefined)
            reject(new HandlingGivenUpError(this.definition.name, graceMs))
          }, graceMs)
        }
      })
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      try {
        return await Promise.race([work(client), givenUp])
      } finally {
        signal.removeEventListener('abort', onAbort)
        clearTimeout(timer)
      }
    })
  }
}
