import { type Database, type RecordedEvent } from '@tidemark/eventstore'
import type { Projection, RowKey } from '../define-projection.js'
import { HandlerFailedError, InvalidRowError } from '../errors.js'
import { keysOf, RowFold, type Step } from '../fold-rows.js'
import type { Row } from '../row.js'
import { noteRewritten } from '../sql/select-live-places.js'
import { selectSetAside } from '../sql/select-set-aside.js'
import { TableStatements } from '../sql/table-statements.js'
import { differingProperties } from '../stored-row.js'
import { shapeFor } from '../table-lifecycle.js'
import { refoldRows } from './refold-rows.js'
import type { Redriven, RowChange } from './redriven.js'
import type { ProjectionStore } from '../projection-store.js'

/** What the events of a stream do to rows. */
type Folded = Pick<Redriven, 'failure'> & { readonly rows: ReadonlyMap<RowKey, Row | null> }

/**
 * Folds events that waited into the rows of a table, as far as they go, and writes the rows; in the caller's transaction, which has the table's
 * checkpoints at `upTo`.
 *
 * Where a row has the events of one stream it is as it was before the first of them, and goes on from there. Otherwise events of other streams have
 * passed since, so that the rows are folded again from the log.
 */
export async function redriveRows(
  store: ProjectionStore,
  database: Database,
  projection: Projection,
  { table, events, upTo }: { readonly table: string; readonly events: readonly RecordedEvent[]; readonly upTo: bigint },
): Promise<Pick<Redriven, 'handled' | 'failure' | 'rows'>> {
  const fold = new RowFold(projection)
  const steps = fold.plan(await store.reveal(projection.aggregates, events, database.queryable))
  const statements = new TableStatements(shapeFor(projection, table))
  const keys = keysOf(steps)
  const before = await statements.selectRows(database, keys)
  const { rows, failure } = projection.keyedByStream
    ? goOn(fold, steps, before)
    : await foldAgain(store, database, projection, { table, steps, keys: new Set(keys), upTo })
  const changes = [...rows].flatMap(([key, after]): RowChange[] => {
    const old = before.get(key) ?? null
    return differingProperties(projection.columns, old, after).length > 0 ? [{ key, before: old, after }] : []
  })
  const upserts = changes.map(({ after }) => after).filter((row) => row !== null)
  const deletes = changes.flatMap(({ key, after }) => (after ? [] : [key]))
  await statements.write(database, { upserts, deletes })
  if (changes.length > 0) await noteRewritten(database, table)
  const handled = events.map(({ position }) => position).filter((position) => !failure || position < failure.position)
  return { handled, failure, rows: changes }
}

function goOn(fold: RowFold, steps: readonly Step[], before: ReadonlyMap<RowKey, Row>): Folded {
  const rows = new Map<RowKey, Row | null>(before)
  for (const step of steps) {
    try {
      fold.apply([step], rows)
    } catch (error) {
      return { rows, failure: failureOf(error) }
    }
  }
  return { rows, failure: undefined }
}

/** Tries with all of the events, then with those before the first that fails. */
async function foldAgain(
  store: ProjectionStore,
  database: Database,
  projection: Projection,
  { table, steps, keys, upTo }: { table: string; steps: readonly Step[]; keys: ReadonlySet<RowKey>; upTo: bigint },
): Promise<Folded> {
  const before = await selectSetAside(database, table)
  const setAside = new Map(before)
  for (const { event } of steps) setAside.delete(event.position)
  try {
    return { rows: await refoldRows(store, database, projection, { keys, upTo, setAside }), failure: undefined }
  } catch (error) {
    const failure = failureOf(error)
    const rest = steps.map(({ event }) => event.position).filter((position) => position >= failure.position)
    if (!rest.includes(failure.position)) throw error
    for (const position of rest) setAside.set(position, before.get(position) ?? new Set())
    return { rows: await refoldRows(store, database, projection, { keys, upTo, setAside }), failure }
  }
}

/** @throws the error, when it does not come from an event. */
function failureOf(error: unknown): NonNullable<Redriven['failure']> {
  if (error instanceof HandlerFailedError || error instanceof InvalidRowError)
    return { position: error.position, error }
  throw error
}
