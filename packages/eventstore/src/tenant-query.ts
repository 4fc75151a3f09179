import pg, { type Connection, type QueryArrayConfig, type QueryArrayResult } from 'pg'
import type { Queryable } from './database.js'

/** What the driver calls of a query, besides the part that its types declare. */
interface DriverQuery {
  name: string | undefined
  callback: (error: Error | null | undefined, result: QueryArrayResult<unknown[]>) => void
  submit(connection: Connection): Error | null
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: Connection): void
}
const DriverQuery = pg.Query as unknown as new (config: QueryArrayConfig) => DriverQuery

/** Local to the transaction: the caller's, or that of the two statements alone. */
const setTenant = { name: 'tidemark/set-tenant', text: `select set_config('tidemark.tenant', $1, true)`, types: [] }

/** The connections that have prepared the setting under its name. */
const prepared = new WeakSet<Connection>()

/**
 * A query that sets its tenant first, in the same round trip: the messages of both statements leave before one Sync.
 *
 * Outside of a transaction block Postgres takes what stands before a Sync for one transaction, so the setting ends with the query; behind a
 * transaction pooler too.
 */
class TenantQuery extends DriverQuery {
  private readonly prepares: boolean
  private settingIsDone = false

  constructor(
    private readonly tenant: string,
    config: QueryArrayConfig,
  ) {
    super(config)
    this.prepares = config.name !== undefined
  }

  override submit(connection: Connection): Error | null {
    const statement = this.prepares ? setTenant.name : ''
    connection.stream.cork()
    try {
      if (!this.prepares || !prepared.has(connection)) {
        // The driver takes the first answer to a Parse for the one to this query's name. An earlier attempt may have got as far as preparing
        // the setting; closing what is not there is no error.
        this.name = undefined
        if (this.prepares) connection.close({ type: 'S', name: statement }, true)
        connection.parse({ ...setTenant, name: statement }, true)
      }
      connection.bind({ statement, values: [this.tenant] }, true)
      connection.execute({}, true)
      return super.submit(connection)
    } finally {
      connection.stream.uncork()
    }
  }

  override handleDataRow(message: unknown): void {
    if (this.settingIsDone) super.handleDataRow(message)
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.settingIsDone) return super.handleCommandComplete(message, connection)
    this.settingIsDone = true
    if (this.prepares) prepared.add(connection)
  }
}

/** Runs a query for one tenant; see {@link TenantQuery}. */
export function queryForTenant(
  queryable: Queryable,
  tenant: string,
  config: QueryArrayConfig,
): Promise<QueryArrayResult<unknown[]>> {
  return new Promise((resolve, reject) => {
    const query = queryable.query.bind(queryable) as unknown as (
      query: DriverQuery,
      callback: DriverQuery['callback'],
    ) => void
    query(new TenantQuery(tenant, config), (error, result) => (error ? reject(error) : resolve(result)))
  })
}
