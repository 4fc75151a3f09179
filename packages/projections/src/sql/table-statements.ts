import { createHash } from 'node:crypto'
import { run, type Database, type Statement } from '@tidemark/eventstore'
import type { Column } from '../columns.js'
import type { RowKey } from '../define-projection.js'
import { inReadSchema, quoted } from '../names.js'
import { parseRow, rowsToJson, selectExpression, type Row, type RowText } from '../row.js'

/** What the statements on a table are made from. */
export interface TableShape {
  /** Without its schema. */
  readonly table: string
  readonly columns: readonly Column[]
  readonly key: Column
}

/** What a batch makes of rows. */
export interface RowChanges {
  readonly upserts: readonly Row[]
  readonly deletes: readonly RowKey[]
}

/** So that neither a parameter nor what Postgres makes of it grows without bound. */
const rowsPerStatement = 5000

/** The three statements that a batch needs, made once per table. */
export class TableStatements {
  private readonly select: Statement
  private readonly upsert: Statement
  private readonly remove: Statement

  constructor(private readonly shape: TableShape) {
    const { table, columns, key } = shape
    const names = columns.map(({ column }) => quoted(column))
    const keyName = quoted(key.column)
    const anyKey = `${keyName} = any($1::${key.type}[])`
    this.select = named((schema) => {
      const expressions = columns.map((column) => selectExpression(column, quoted(column.column)))
      return `select ${expressions.join(', ')} from ${inReadSchema(schema, table)} where ${anyKey}`
    })
    const changes = names.filter((name) => name !== keyName).map((name) => `${name} = excluded.${name}`)
    this.upsert = named(
      (schema) => `
insert into ${inReadSchema(schema, table)} (${names.join(', ')})
select ${names.join(', ')} from json_to_recordset($1::json) as r(${columns.map(({ column, type }) => `${quoted(column)} ${type}`).join(', ')})
on conflict (${keyName}) do ${changes.length === 0 ? 'nothing' : `update set ${changes.join(', ')}`}`,
    )
    this.remove = named((schema) => `delete from ${inReadSchema(schema, table)} where ${anyKey}`)
  }

  /** The rows of some keys; keys without a row are left out. */
  async selectRows(database: Database, keys: readonly RowKey[]): Promise<Map<RowKey, Row>> {
    const { columns, key } = this.shape
    const rows = await run<RowText>(database, this.select, [keys])
    return new Map(
      rows.map((texts) => {
        const row = parseRow(columns, texts)
        return [row[key.property] as RowKey, row]
      }),
    )
  }

  /** Writes rows over those with the same key, and takes rows away; each key at most once. */
  async write(database: Database, { upserts, deletes }: RowChanges): Promise<void> {
    for (let from = 0; from < upserts.length; from += rowsPerStatement)
      await this.upsertRows(database, upserts.slice(from, from + rowsPerStatement))
    if (deletes.length > 0) await run(database, this.remove, [deletes])
  }

  private async upsertRows(database: Database, rows: readonly Row[]): Promise<void> {
    await run(database, this.upsert, [rowsToJson(this.shape.columns, rows)])
  }
}

/** Named by its text, for two tables of one name may follow each other; a name of Postgres has 63 bytes at most. */
function named(text: Statement['text']): Statement {
  return { name: `rows-${createHash('sha256').update(text('')).digest('hex').slice(0, 10)}`, text }
}
