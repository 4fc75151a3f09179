import { run, type Database } from '@tidemark/eventstore'
import type { ReadModel } from '@tidemark/projections'
import type { Filter } from '../read-query.js'
import { comparison, whereOf } from './select-page.js'

/**
 * How many rows match: counted, or as many as Postgres expects by its statistics, which costs the same however many there are.
 *
 * @throws {DatabaseError} such as `cancelled` for a count that took too long.
 */
export async function countRows(
  database: Database,
  { view }: ReadModel,
  filters: readonly Filter[],
  how: 'exact' | 'estimated',
): Promise<number> {
  const values: unknown[] = []
  const bind = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const matching = `from ${view} as r ${whereOf(filters.map((filter) => comparison(filter, bind)))}`
  const text = how === 'exact' ? `select count(*) ${matching}` : `explain (format json) select 1 ${matching}`
  const [row] = await run<[string]>(database, { name: 'count-rows', text: () => text }, values)
  const found = row?.[0] ?? '0'
  return how === 'exact' ? Number(found) : plannedRows(found)
}

function plannedRows(explained: string): number {
  const [plan] = JSON.parse(explained) as { readonly Plan: { readonly 'Plan Rows': number } }[]
  return plan?.Plan['Plan Rows'] ?? 0
}
