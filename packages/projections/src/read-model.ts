import type { Column } from './columns.js'
import { keyColumnOf, type Projection } from './define-projection.js'
import { inReadSchema, viewNameOf } from './names.js'
import type { ProjectionStore } from './projection-store.js'

/** Where and how a read model is read. */
export interface ReadModel {
  /** The view, quoted and with its schema, ready for a `from`: it stays while tables behind it are switched. */
  readonly view: string
  /** In the order of the schema; names of columns are not quoted here. */
  readonly columns: readonly Column[]
  /** The column of the key. */
  readonly key: Column
}

/**
 * Says where the rows of a projection are, for whoever reads them.
 *
 * The view is there once a projector has started, or a rebuild has ended.
 *
 * @example
 * const { view, key } = readModelOf(store, orderSummary)
 * await pool.query(`select * from ${view} where "${key.column}" = $1`, ['o-42'])
 */
export function readModelOf(store: ProjectionStore, projection: Projection): ReadModel {
  const view = inReadSchema(store.database.schema, viewNameOf(projection.name))
  return { view, columns: projection.columns, key: keyColumnOf(projection) }
}
