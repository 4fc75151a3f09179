import { run, type Database, type Statement } from '@tidemark/eventstore'

const statement: Statement = {
  name: 'select-projection-progress',
  text: (schema) => `
select p.name, p.version, p.table_name, c.position, c.owner, c.error, coalesce(c.lease_until > clock_timestamp(), false)
  from ${schema}.projections p
  left join ${schema}.checkpoints c on c.name = 'projection:' || p.table_name
 where p.status = 'live' and p.name = any($1)
 union all
select h.name, null, null, c.position, c.owner, c.error, coalesce(c.lease_until > clock_timestamp(), false)
  from unnest($2::text[], $3::text[]) as h(name, checkpoint)
  join ${schema}.checkpoints c on c.name = h.checkpoint`,
}

/** How far a projection is, by what the database knows. */
export interface Progress {
  readonly name: string
  /** The live version of a read model; undefined for a handler. */
  readonly version: number | undefined
  /** The live table, without its schema. */
  readonly table: string | undefined
  readonly position: bigint
  readonly owner: string | undefined
  readonly error: string | undefined
  readonly leaseRuns: boolean
}

type ProgressRow = [string, string | null, string | null, string | null, string | null, string | null, string]

/** Reads how far read models are, and handlers by the names of their checkpoints; what never started is left out. */
export async function selectProgress(
  database: Database,
  readModels: readonly string[],
  handlers: readonly { readonly name: string; readonly checkpoint: string }[],
): Promise<Map<string, Progress>> {
  const values = [readModels, handlers.map(({ name }) => name), handlers.map(({ checkpoint }) => checkpoint)]
  const rows = await run<ProgressRow>(database, statement, values)
  return new Map(
    rows.map(([name, version, table, position, owner, error, leaseRuns]) => [
      name,
      {
        name,
        version: version === null ? undefined : Number(version),
        table: table ?? undefined,
        position: BigInt(position ?? 0),
        owner: owner ?? undefined,
        error: error ?? undefined,
        leaseRuns: leaseRuns === 't',
      },
    ]),
  )
}
