import { on, type RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { ProjectionHandler } from '../define-handler.js'
import { HandlerFailedError } from '../errors.js'
import { handlerIdOf } from '../names.js'
import { insertParked, selectParkedStreams } from '../sql/parked-statements.js'
import { isPoison } from './is-poison.js'
import { Parking, type StreamKey } from './parking.js'
import type { ProjectionStore } from '../projection-store.js'

/** Hands batches to a handler, and finds the events at which it fails. */
export class HandlerBatches {
  private waiting: ReadonlyMap<StreamKey, bigint> | undefined

  constructor(
    private readonly store: ProjectionStore,
    private readonly handler: ProjectionHandler,
    private readonly handle: (transaction: ClientBase, events: readonly RecordedEvent[]) => Promise<void>,
  ) {}

  /** Forgets which streams wait: another process may have had the checkpoint since. */
  reload(): void {
    this.waiting = undefined
  }

  /** An event at which the handler fails is set aside as its policy says; the error is thrown unless `tolerant`. */
  async apply(transaction: ClientBase, events: readonly RecordedEvent[], tolerant: boolean): Promise<void> {
    const { handler } = this
    const database = on(this.store.database, transaction)
    const consumer = { consumer: handlerIdOf(handler), projection: handler.name, shard: 0 }
    this.waiting ??= await selectParkedStreams(database, consumer.consumer)
    const parking = new Parking(new Map(this.waiting), tolerant ? handler.poison.policy : 'stop')
    if (tolerant) await this.bisect(transaction, events, parking)
    else await this.handleAll(transaction, notHeld(events, parking))
    if (parking.setAside.length === 0) return
    await insertParked(database, consumer, parking.setAside)
    this.reload()
  }

  /** What halves do is undone to a savepoint where they fail, down to the event that is at fault. */
  private async bisect(transaction: ClientBase, events: readonly RecordedEvent[], parking: Parking): Promise<void> {
    const free = notHeld(events, parking)
    if (free.length === 0) return
    await transaction.query('savepoint part')
    try {
      await this.handleAll(transaction, free)
      await transaction.query('release savepoint part')
    } catch (error) {
      if (!isPoison(error)) throw error
      await transaction.query('rollback to savepoint part')
      await transaction.query('release savepoint part')
      const [only, ...more] = free
      if (only && more.length === 0) return parking.take(only, [], error)
      const middle = Math.ceil(free.length / 2)
      await this.bisect(transaction, free.slice(0, middle), parking)
      await this.bisect(transaction, free.slice(middle), parking)
    }
  }

  private async handleAll(transaction: ClientBase, events: readonly RecordedEvent[]): Promise<void> {
    try {
      if (events.length > 0) await this.handle(transaction, events)
    } catch (error) {
      const [first] = events
      // Of a single event it is known which one it was.
      if (first && events.length === 1 && isPoison(error)) throw new HandlerFailedError(this.handler.name, first, error)
      throw error
    }
  }
}

function notHeld(events: readonly RecordedEvent[], parking: Parking): RecordedEvent[] {
  return events.filter((event) => !parking.holds(event, []))
}
