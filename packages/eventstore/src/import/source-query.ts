import type { Queryable } from '../database.js'
import { ConfigurationError } from '../errors.js'
import { translateDatabaseError } from '../postgres-errors.js'

/** A row of the source; everything as text. */
export interface SourceRow {
  /** Its place in the source's order: what an import goes on from. */
  readonly position: bigint
  readonly streamId: string
  readonly type: string
  readonly data: string
  readonly version: string | null
  readonly id: string | null
  readonly metadata: string | null
  readonly schemaVersion: string | null
  /** In seconds since 1970, exact to the microsecond. */
  readonly recordedAtSeconds: string | null
}

const required = ['position', 'stream_id', 'type', 'data'] as const
const optional = ['version', 'id', 'metadata', 'schema_version', 'recorded_at'] as const
const known: readonly string[] = [...required, ...optional]

/** The events of another table, page by page in the order of their `position`. */
export class SourceQuery {
  private constructor(
    private readonly source: Queryable,
    private readonly text: string,
  ) {}

  /**
   * Looks at the columns that a query gives.
   *
   * @throws {ConfigurationError} one is missing or not known. @throws {DatabaseError} the source refuses the query.
   */
  static async open(source: Queryable, query: string): Promise<SourceQuery> {
    const inner = query.trim().replace(/;$/, '')
    const { fields } = await ask(source, `select * from (\n${inner}\n) as source limit 0`, [])
    const names = fields.map(({ name }) => name)
    const missing = required.filter((name) => !names.includes(name))
    const unknown = names.filter((name) => !known.includes(name))
    if (missing.length > 0 || unknown.length > 0) {
      const faults = [
        ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
        ...(unknown.length > 0 ? [`has ${unknown.join(', ')}, which mean nothing here`] : []),
      ]
      throw new ConfigurationError(
        `the query ${faults.join(' and ')}: name its columns ${required.join(', ')}, and if there are any ${optional.join(', ')}`,
      )
    }
    const column = (name: (typeof optional)[number]) => (names.includes(name) ? `${name}::text` : 'null')
    const recordedAtSeconds = names.includes('recorded_at')
      ? 'extract(epoch from recorded_at::timestamptz)::text'
      : 'null'
    const columns = `position::text, stream_id::text, type::text, data::text, ${column('version')}, ${column('id')},
       ${column('metadata')}, ${column('schema_version')}, ${recordedAtSeconds}`
    return new SourceQuery(
      source,
      `select ${columns}\n  from (\n${inner}\n) as source\n where position > $1\n order by source.position\n limit $2`,
    )
  }

  /** The rows after a place in the source's order. */
  async after(position: bigint, limit: number): Promise<SourceRow[]> {
    const { rows } = await ask(this.source, this.text, [position, limit])
    return (rows as (string | null)[][]).map(([place, streamId, type, data, version, id, metadata, schema, at]) => ({
      position: BigInt(place ?? 0),
      streamId: streamId ?? '',
      type: type ?? '',
      data: data ?? 'null',
      version: version ?? null,
      id: id ?? null,
      metadata: metadata ?? null,
      schemaVersion: schema ?? null,
      recordedAtSeconds: at ?? null,
    }))
  }
}

async function ask(source: Queryable, text: string, values: readonly unknown[]) {
  try {
    return await source.query({ text, values: values as unknown[], rowMode: 'array' })
  } catch (error) {
    throw translateDatabaseError(error)
  }
}
