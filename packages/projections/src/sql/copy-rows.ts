import { translateDatabaseError } from '@tidemark/eventstore'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { inReadSchema, quoted } from '../names.js'
import { rowToCopyText, type Row } from '../row.js'
import type { TableShape } from './table-statements.js'

const rowsPerChunk = 500

/**
 * Adds rows by COPY in the caller's transaction; the table must have none with their keys. See docs/adr/copy-into-builds.md.
 *
 * @throws {DatabaseError} the table has a row with one of the keys, among others: the transaction is aborted, nothing was added.
 */
export async function copyRows(
  client: ClientBase,
  schema: string,
  { table, columns }: TableShape,
  rows: readonly Row[],
): Promise<void> {
  const names = columns.map(({ column }) => quoted(column)).join(', ')
  const copying = client.query(copyFrom(`copy ${inReadSchema(schema, table)} (${names}) from stdin`))
  // Made as they are sent, so that the text of all rows is never in memory at once.
  const chunks = function* () {
    for (let from = 0; from < rows.length; from += rowsPerChunk)
      yield Buffer.from(
        rows
          .slice(from, from + rowsPerChunk)
          .map((row) => rowToCopyText(columns, row))
          .join(''),
      )
  }
  try {
    await pipeline(Readable.from(chunks()), copying)
  } catch (error) {
    throw translateDatabaseError(error)
  }
}
