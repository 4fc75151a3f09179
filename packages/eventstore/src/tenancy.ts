import { on, type Database, type Queryable } from './database.js'
import { ConfigurationError, TenancyError, TenantRequiredError } from './errors.js'
import { selectTenancy, type StoreTenancy } from './sql/select-tenancy.js'

/** @throws {ConfigurationError} a tenant's name is not usable. */
export function checkTenant(tenant: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(tenant)) return tenant
  throw new ConfigurationError(
    `tenant ${JSON.stringify(tenant)} is not usable: letters, digits, ".", "_" and "-", at most 64 characters`,
  )
}

/** Whether the streams of a store belong to tenants. */
export async function hasTenancy(database: Database): Promise<boolean> {
  return (await selectTenancy(database)).enabled
}

/** Knows whether streams of the store belong to tenants; asks the database once. */
export class Tenancy {
  private known: StoreTenancy | undefined

  constructor(private readonly database: Database) {}

  /** Whether each stream belongs to a tenant; asked through the caller's transaction where there is one. */
  async enabled(queryable?: Queryable): Promise<boolean> {
    return (await this.look(queryable)).enabled
  }

  /**
   * Makes sure that a statement cannot meet streams of several tenants.
   *
   * `queryable` is the caller's transaction, where to wait for another connection may be to wait for oneself.
   *
   * @throws {TenantRequiredError} streams belong to tenants, and none is named.
   * @throws {TenancyError} one is named, and the database would not keep it apart.
   */
  async admit(tenant: string | undefined, queryable?: Queryable): Promise<void> {
    const { enabled, role, bound, readsEveryTenant } = await this.look(queryable)
    if (tenant === undefined) {
      if (enabled) throw new TenantRequiredError()
      return
    }
    await this.admitSubjects(tenant, queryable)
    if (bound && readsEveryTenant) {
      throw new TenancyError(
        tenant,
        `role "${role}" is a projector, which reads the log of every tenant: give commands a pool of their own`,
      )
    }
  }

  /** The same for data subjects, whom a projector sees of one tenant at a time like everybody. */
  async admitSubjects(tenant: string | undefined, queryable?: Queryable): Promise<void> {
    const { enabled, role, bound } = await this.look(queryable)
    if (tenant === undefined) return
    if (!enabled) {
      throw new TenancyError(tenant, 'it was migrated without tenancy, which is chosen while its log is empty')
    }
    if (!bound) {
      throw new TenancyError(
        tenant,
        `row-level security does not bind role "${role}": connect as one that is no superuser and has no BYPASSRLS`,
      )
    }
  }

  private async look(queryable: Queryable = this.database.queryable): Promise<StoreTenancy> {
    return (this.known ??= await selectTenancy(on(this.database, queryable)))
  }
}
