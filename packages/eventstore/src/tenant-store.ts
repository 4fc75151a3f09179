import type { Queryable } from './database.js'
import type { AnyAggregate } from './define-aggregate.js'
import type { RecordedEvent } from './event.js'
import { StreamStore, type StreamContext } from './stream-store.js'
import { checkTenant } from './tenancy.js'

/** The streams of one tenant, made by `store.forTenant(…)`: everything that a store does with streams, seeing no other tenant's. */
export class TenantStore extends StreamStore {
  /** @internal Use `store.forTenant(…)`. */
  constructor(
    readonly tenant: string,
    context: StreamContext,
  ) {
    super({ ...context, database: { ...context.database, tenant } })
  }

  /** @internal Ends with the store that made it. */
  override drain(): Promise<void> {
    return super.drain()
  }
}

/** The tenants that are in use: each has one queue of appends, for as long as anybody holds its store. */
export class TenantStores {
  private readonly stores = new Map<string, WeakRef<TenantStore>>()
  private readonly unused = new FinalizationRegistry<string>((tenant) => {
    if (this.stores.get(tenant)?.deref() === undefined) this.stores.delete(tenant)
  })
  private closed = false

  constructor(private readonly context: StreamContext) {}

  get(tenant: string): TenantStore {
    const known = this.stores.get(tenant)?.deref()
    if (known) return known
    const made = new TenantStore(checkTenant(tenant), this.context)
    if (this.closed) void made.drain()
    this.stores.set(tenant, new WeakRef(made))
    this.unused.register(made, tenant)
    return made
  }

  /** Decrypts events of several tenants, each with the keys of its own; in the order in which they came. */
  async reveal(
    aggregates: readonly AnyAggregate[],
    events: readonly RecordedEvent[],
    queryable: Queryable,
  ): Promise<readonly RecordedEvent[]> {
    const revealed = new Map<RecordedEvent, RecordedEvent>()
    const byTenant = new Map<string, RecordedEvent[]>()
    for (const event of events) {
      const own = byTenant.get(event.tenant ?? '')
      if (own) own.push(event)
      else byTenant.set(event.tenant ?? '', [event])
    }
    for (const [tenant, own] of byTenant) {
      const clear = await this.get(tenant).reveal(aggregates, own, queryable)
      for (const [index, event] of own.entries()) revealed.set(event, clear[index] ?? event)
    }
    return events.map((event) => revealed.get(event) ?? event)
  }

  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.stores.values()].map(async (store) => store.deref()?.drain()))
  }
}
