import { run, type Database, type Statement } from '../database.js'

// Whom a policy is for is judged as Postgres does it: by the rights that the role has of another.
const statement: Statement = {
  name: 'select-tenancy',
  text: (schema) => `
select s.tenancy, current_user, row_security_active('${schema}.events'),
       exists (select
                    from pg_policy p
                   cross join unnest(p.polroles) r(id)
                   where p.polrelid = '${schema}.events'::regclass and p.polname = 'every_tenant' and pg_has_role(r.id, 'usage'))
  from ${schema}.store s`,
}

/** How a store keeps tenants apart. */
export interface StoreTenancy {
  /** Whether streams belong to tenants. */
  readonly enabled: boolean
  /** The role of the connection. */
  readonly role: string
  /** Whether row-level security binds the role: not a superuser, and none with BYPASSRLS. */
  readonly bound: boolean
  /** Whether the role may read the log of all tenants: a projector. */
  readonly readsEveryTenant: boolean
}

/** Reads whether the store has tenancy, and whether the connection's role is bound by it. */
export async function selectTenancy(database: Database): Promise<StoreTenancy> {
  const [row] = await run<[string, string, string, string]>(database, statement, [])
  const [enabled, role, bound, readsEveryTenant] = row ?? ['f', '', 't', 'f']
  return { enabled: enabled === 't', role, bound: bound === 't', readsEveryTenant: readsEveryTenant === 't' }
}
