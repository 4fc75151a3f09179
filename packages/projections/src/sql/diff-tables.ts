import { run, type Database, type Statement } from '@tidemark/eventstore'
import { inReadSchema, quoted } from '../names.js'

export interface TablesToCompare {
  /** The tables, without their schema. */
  readonly before: string
  readonly after: string
  /** The key's column, the same in both. */
  readonly key: string
  /** The columns that both have, the key among them. */
  readonly columns: readonly string[]
}

export interface DifferenceCounts {
  readonly added: number
  readonly removed: number
  readonly changed: number
  readonly unchanged: number
  /** By column, how many rows differ in it. */
  readonly changedByColumn: ReadonlyMap<string, number>
}

const differs = (column: string) => `b.${quoted(column)}::text is distinct from a.${quoted(column)}::text`

function joined(schema: string, { before, after, key }: TablesToCompare): string {
  return `${inReadSchema(schema, before)} b full join ${inReadSchema(schema, after)} a on b.${quoted(key)} = a.${quoted(key)}`
}

/** Counts the rows that differ, in one pass over both tables. */
export async function countDifferences(database: Database, tables: TablesToCompare): Promise<DifferenceCounts> {
  const key = quoted(tables.key)
  const compared = tables.columns.filter((column) => column !== tables.key)
  const both = `b.${key} is not null and a.${key} is not null`
  const anyDiffers = compared.length === 0 ? 'false' : compared.map(differs).join(' or ')
  const statement: Statement = {
    name: 'unnamed',
    text: (schema) => `
select count(*) filter (where b.${key} is null), count(*) filter (where a.${key} is null),
       count(*) filter (where ${both} and (${anyDiffers})), count(*) filter (where ${both} and not (${anyDiffers}))
       ${compared.map((column) => `, count(*) filter (where ${both} and ${differs(column)})`).join('')}
  from ${joined(schema, tables)}`,
  }
  const [row = []] = await run<string[]>({ ...database, prepare: false }, statement, [])
  const [added = 0, removed = 0, changed = 0, unchanged = 0, ...byColumn] = row.map(Number)
  const changedByColumn = new Map(compared.map((column, index) => [column, byColumn[index] ?? 0]))
  return { added, removed, changed, unchanged, changedByColumn }
}

/** One row that differs, as JSON of the columns by their names in Postgres; undefined where the table has no such row. */
export interface DifferentRow {
  readonly key: string
  readonly before: Readonly<Record<string, unknown>> | undefined
  readonly after: Readonly<Record<string, unknown>> | undefined
}

/** The first rows that differ, by their keys. */
export async function sampleDifferences(
  database: Database,
  tables: TablesToCompare,
  limit: number,
): Promise<DifferentRow[]> {
  const key = quoted(tables.key)
  const compared = tables.columns.filter((column) => column !== tables.key)
  const conditions = [`b.${key} is null`, `a.${key} is null`, ...compared.map(differs)]
  const statement: Statement = {
    name: 'unnamed',
    text: (schema) => `
select coalesce(b.${key}, a.${key})::text, case when b.${key} is not null then to_jsonb(b) end, case when a.${key} is not null then to_jsonb(a) end
  from ${joined(schema, tables)}
 where ${conditions.join(' or ')}
 order by coalesce(b.${key}, a.${key})
 limit $1`,
  }
  const rows = await run<[string, string | null, string | null]>({ ...database, prepare: false }, statement, [limit])
  const parse = (text: string | null) => (text === null ? undefined : (JSON.parse(text) as Record<string, unknown>))
  return rows.map(([rowKey, before, after]) => ({ key: rowKey, before: parse(before), after: parse(after) }))
}
