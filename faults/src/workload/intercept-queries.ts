import pg from 'pg'

/** A query on its way from a process to Postgres. */
export interface InterceptedQuery {
  /** The name of the statement, without the schema; empty for one that is not prepared. */
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
  /** Sends it where it was going, with another text if one is given. */
  send(text?: string): Promise<pg.QueryResult>
  /** Sends it on a connection of its own, outside of the transaction that it belongs to. */
  sendApart(): Promise<pg.QueryResult>
  /** Runs another statement on that connection. */
  runApart(text: string, values?: readonly unknown[]): Promise<pg.QueryResult>
}

/** What becomes of a query. */
export type QueryInterceptor = (query: InterceptedQuery) => Promise<pg.QueryResult>

type Query = (config: pg.QueryConfig | string, values?: unknown[]) => Promise<pg.QueryResult>

/** Hands every query of a pool, and of the clients that are taken from it, to an interceptor. */
export function interceptQueries(pool: pg.Pool, intercept: QueryInterceptor): pg.Pool {
  const apart = new pg.Pool({ connectionString: pool.options.connectionString, max: 1 })
  apart.on('error', () => undefined)
  const intercepted = new WeakSet<pg.ClientBase>()
  const wrap = (client: pg.ClientBase) => {
    if (intercepted.has(client)) return
    intercepted.add(client)
    const query = client.query.bind(client) as Query
    const wrapped = async (config: pg.QueryConfig | string, values?: unknown[]) => {
      const given: pg.QueryConfig = typeof config === 'string' ? { text: config, values: values ?? [] } : config
      // Another text must not go under the name of a prepared statement.
      const { name: _, ...unnamed } = given
      return intercept({
        name: given.name?.replace(/^[^/]*\//, '') ?? '',
        text: given.text,
        values: given.values ?? [],
        send: (text) => (text === undefined ? query(given) : query({ ...unnamed, text })),
        sendApart: () => (apart.query as Query)(unnamed),
        runApart: (text, others = []) => apart.query(text, [...others]),
      })
    }
    Object.assign(client, { query: wrapped })
  }
  const connect = pool.connect.bind(pool) as () => Promise<pg.PoolClient>
  const connectAndWrap = async () => {
    const client = await connect()
    wrap(client)
    return client
  }
  const queryAndRelease = async (config: pg.QueryConfig | string, values?: unknown[]) => {
    const client = await connectAndWrap()
    try {
      const result = await (client.query as Query)(config, values)
      client.release()
      return result
    } catch (error) {
      client.release(error as Error)
      throw error
    }
  }
  // In place, for `pool.options` and the events of the pool are used as well.
  return Object.assign(pool, { connect: connectAndWrap, query: queryAndRelease })
}
