import type { RecordedEvent } from '@tidemark/eventstore'
import type { BridgeDefinition } from './bridge/define-bridge.js'

/** Makes the value of a record from an event, for a bridge that publishes something else than its data as plain JSON. */
export interface PayloadSerializer {
  /** What the records say of their values, in the header `content-type`. */
  readonly contentType: string
  /**
   * Makes everything ready that a bridge's events need; called when it starts, so that nothing is found out at the first event.
   *
   * @throws {FanoutError} something does not fit or does not answer; `retryable` says whether another start may succeed.
   */
  prepare(bridge: BridgeDefinition): Promise<void>
  /** The event as its value shows it: of the present type and schema version where older data is brought to them. */
  present(event: RecordedEvent): RecordedEvent
  /**
   * The value of its record.
   *
   * @throws {EventNotPublishableError} it can never be published as it is; any other error is tried again.
   */
  serialize(event: RecordedEvent, topic: string): Promise<Buffer>
}
