import { selectExpression, type Column } from '@tidemark/projections'

/**
 * A column of the view, which statements call `r`; its name is letters, digits and _ by definition, so nothing ends the quote.
 *
 * Without the `r` an `order by` would mean what is selected under that name, such as the text of a number.
 */
export function quotedColumn({ column }: Column): string {
  return `r."${column}"`
}

/** What is selected for the columns of an answer. */
export function selectedColumns(columns: readonly Column[]): string[] {
  return columns.map((column) => selectExpression(column, quotedColumn(column)))
}

/** Whether what is selected for a column is its text as Postgres reads it, and not made for TypeScript. */
export function hasOwnText({ kind }: Column): boolean {
  return kind === 'string' || kind === 'number' || kind === 'int' || kind === 'bigint'
}
