import pg from 'pg'

/** Databases on one server: every store has its own, and they share nothing else. */
export class PeerDatabases {
  private readonly names: string[] = []

  constructor(private readonly serverUrl: string) {}

  /** Makes an empty database and returns its URL. */
  async create(): Promise<string> {
    const name = `bench_peers_${this.names.length}`
    this.names.push(name)
    await execute(this.serverUrl, `drop database if exists ${name} with (force)`, `create database ${name}`)
    const url = new URL(this.serverUrl)
    url.pathname = `/${name}`
    return url.href
  }

  /** Drops what was made; connections to it end. */
  async close(): Promise<void> {
    await execute(this.serverUrl, ...this.names.map((name) => `drop database if exists ${name} with (force)`))
  }
}

/** Gives the planner what it needs to know of a database that was just filled, and its pages the state of settled ones. */
export const vacuum = (url: string) => execute(url, 'vacuum analyze')

async function execute(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
