import { ConfigurationError, hasTenancy, type EventStore, type StreamStore } from '@tidemark/eventstore'
import type { Principal } from '../auth/principal.js'
import { ProblemError } from '../errors.js'

/** The streams that a caller's commands go to, and whose they are: empty in a store without tenancy. */
export interface StreamsOfCaller {
  readonly store: StreamStore
  readonly tenant: string
}

/** Finds the streams of callers: in a store with tenancy those of their tenant alone. */
export class CallersStreams {
  private tenancy: boolean | undefined

  constructor(private readonly store: EventStore) {}

  /** @throws {ProblemError} `forbidden`: streams belong to tenants, and the caller to none. */
  async of({ tenant }: Principal): Promise<StreamsOfCaller> {
    this.tenancy ??= await hasTenancy(this.store.database)
    if (!this.tenancy) return { store: this.store, tenant: '' }
    if (tenant === undefined) {
      const detail =
        'here everything belongs to a tenant, and your token names none: get one of the tenant that you want to write for'
      throw new ProblemError('forbidden', detail)
    }
    return { store: this.ofTenant(tenant), tenant }
  }

  /** The streams of a tenant by its name, which is empty in a store without tenancy. */
  ofTenant(tenant: string): StreamStore {
    if (tenant === '') return this.store
    try {
      return this.store.forTenant(tenant)
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error
      throw new ProblemError('forbidden', 'your token names a tenant whose name no tenant can have', { cause: error })
    }
  }
}
