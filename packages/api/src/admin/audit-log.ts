import type { EventStore, RecordedEvent, StreamStore } from '@tidemark/eventstore'
import { hasTenancy } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { OperationFailure } from './operations/operation.js'

/** The stream that says who changed what. */
export const auditStreamId = 'tidemark.audit-log'

/** The tenant that the audit stream belongs to in a store with tenancy. */
export const auditTenant = 'tidemark.audit'

/** What somebody asked for. */
export interface AuditedAction {
  /** What the two entries of an action share: the id of its operation. */
  readonly operationId: string
  /** Such as `projections.pause`. */
  readonly action: string
  readonly target: string
  readonly actor: string
  readonly reason: string
  readonly correlationId: string | undefined
  readonly traceparent?: string | undefined
}

/** How an action ended. */
export interface AuditedEnd {
  readonly outcome: 'done' | 'failed' | 'cancelled'
  readonly error?: OperationFailure | undefined
}

/** One entry of the audit stream. */
export interface AuditEntry extends Omit<AuditedAction, 'traceparent'> {
  readonly version: bigint
  readonly position: bigint
  readonly at: Date
  /** `requested` before anything is done; the others after. */
  readonly outcome: 'requested' | AuditedEnd['outcome']
  readonly parameters: unknown
  readonly error: OperationFailure | undefined
}

const requested = 'AdminActionRequested'
const ended = 'AdminActionEnded'

interface EntryData {
  readonly operationId: string
  readonly action: string
  readonly target: string
  readonly reason: string
  readonly outcome?: AuditedEnd['outcome']
  readonly parameters?: unknown
  readonly error?: OperationFailure
}

/** Writes and reads the audit stream; entries are written in the transaction of what they are about. */
export class AuditLog {
  private streams: Promise<StreamStore> | undefined

  constructor(private readonly store: EventStore) {}

  /** Notes that somebody asked for an action, before it begins. */
  async request(transaction: ClientBase, action: AuditedAction, parameters: unknown): Promise<void> {
    await this.append(transaction, requested, action, { parameters })
  }

  /** Notes how it ended. */
  async end(transaction: ClientBase, action: AuditedAction, { outcome, error }: AuditedEnd): Promise<void> {
    await this.append(transaction, ended, action, { outcome, ...(error && { error }) })
  }

  /** Entries before a version, the newest first. */
  async list(before: bigint | undefined, limit: number): Promise<AuditEntry[]> {
    const streams = await this.own()
    const events = await streams.readStream(auditStreamId, {
      ...{ direction: 'backwards', limit },
      ...(before !== undefined && { toVersion: before - 1n }),
    })
    return events.map((event) => entryOf(event as RecordedEvent<string, EntryData>))
  }

  private async append(
    transaction: ClientBase,
    type: string,
    { operationId, action, target, actor, reason, correlationId, traceparent }: AuditedAction,
    more: object,
  ): Promise<void> {
    const data = { operationId, action, target, reason, ...more }
    const metadata = {
      ...{ actor, causationId: operationId },
      ...(correlationId !== undefined && { correlationId }),
      ...(traceparent !== undefined && { traceparent }),
    }
    const streams = await this.own()
    await streams.appendToStream(auditStreamId, [{ type, data, metadata }], { expectedVersion: 'any', transaction })
  }

  private own(): Promise<StreamStore> {
    this.streams ??= hasTenancy(this.store.database)
      .then((tenancy) => (tenancy ? this.store.forTenant(auditTenant) : this.store))
      .catch((error: unknown) => {
        this.streams = undefined
        throw error
      })
    return this.streams
  }
}

function entryOf({
  version,
  position,
  recordedAt,
  type,
  data,
  metadata,
}: RecordedEvent<string, EntryData>): AuditEntry {
  const { operationId, action, target, reason, outcome, parameters = {}, error } = data
  return {
    ...{ version, position, at: recordedAt, operationId, action, target },
    actor: metadata.actor ?? '',
    reason,
    correlationId: metadata.correlationId,
    outcome: type === requested ? 'requested' : (outcome ?? 'failed'),
    ...{ parameters, error },
  }
}
