import type { EventStorePort, Queryable } from '@tidemark/eventstore'

/** A store that the contract suite is run on. */
export interface StoreUnderTest {
  readonly store: EventStorePort
  /** Another store on the same log, for races between processes; the same store where there is no such thing. */
  readonly other: EventStorePort
  /** Runs the work of a subscriber in a transaction of whatever kind the store's checkpoints take part in. */
  inTransaction(work: (transaction: Queryable) => Promise<void>): Promise<void>
  /** Called once after the suite; the suite closes both stores itself. */
  close?(): Promise<void>
}

/** Gives the store to tests, which run after it was made. */
export type Subject = () => StoreUnderTest
