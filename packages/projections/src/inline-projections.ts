import {
  ConfigurationError,
  EventStore,
  partsOf,
  type ApplyEffects,
  type Database,
  type EffectsOfStore,
  type InlineEffects,
  type StreamStore,
} from '@tidemark/eventstore'
import { checkInline } from './check-inline.js'
import type { Projection } from './define-projection.js'
import { ProjectionDefinitionError, SchemaChangedError, VersionNotLiveError } from './errors.js'
import { InlineTable } from './inline-table.js'
import { makeInline } from './make-inline.js'
import { enterInline } from './sql/inline-statements.js'
import { refuseTenants } from './table-lifecycle.js'

/**
 * Keeps read models up to date in the transaction of every append: whoever sees an event sees its row too.
 *
 * It takes read models whose rows are keyed by the stream, of one aggregate each. A handler that throws, or makes an invalid row, fails the append, of
 * which nothing is stored then. A process that appends without this option leaves its events out of the rows, until they are healed or rebuilt.
 *
 * @throws {ProjectionDefinitionError} a read model cannot be kept so.
 *
 * @example
 * const store = createEventStore(pool, { inline: inlineProjections([orderSummary]) })
 * await store.prepare()
 */
export function inlineProjections(projections: readonly Projection[]): InlineEffects {
  for (const [index, projection] of projections.entries()) {
    checkInline(projection)
    if (projections.findIndex(({ name }) => name === projection.name) < index)
      throw new ProjectionDefinitionError(projection.name, 'there is another one of the same name')
  }
  return { attach: (store) => new InlineProjections(store, projections) }
}

class InlineProjections implements EffectsOfStore {
  private readonly tables: readonly InlineTable[]
  private readonly names: readonly string[]
  private ready = false
  private preparing: Promise<void> | undefined

  constructor(
    private readonly store: StreamStore,
    projections: readonly Projection[],
  ) {
    this.tables = projections.map((projection) => new InlineTable(projection))
    this.names = projections.map(({ name }) => name)
  }

  concerns(streamId: string, type: string): boolean {
    const { category } = partsOf(streamId)
    return this.tables.some((table) => table.concerns(category, type))
  }

  prepare({ withinTransaction }: { readonly withinTransaction: boolean }): Promise<void> {
    if (this.ready) return Promise.resolve()
    // A build that is on its way may have to wait for that very transaction.
    if (withinTransaction) return this.makeReady(withinTransaction)
    return (this.preparing ??= this.makeReady(withinTransaction).finally(() => (this.preparing = undefined)))
  }

  private async makeReady(withinTransaction: boolean): Promise<void> {
    const { store } = this
    for (const { projection } of this.tables) {
      await refuseTenants(store.database, projection)
      if (!(store instanceof EventStore))
        throw new ConfigurationError('inline read models belong to a whole store, not to a tenant')
      await makeInline(store, projection, withinTransaction)
    }
    this.ready = true
  }

  async enter(transaction: Database): Promise<ApplyEffects> {
    const live = new Map((await enterInline(transaction, this.names)).map((table) => [table.name, table]))
    for (const { projection } of this.tables) {
      const { name, version } = projection
      const found = live.get(name)
      if (!found) {
        this.ready = false
        throw new SchemaChangedError(name, version, 'that was live', ['it is gone from the registry'])
      }
      if (found.version !== version) throw new VersionNotLiveError(name, version, found.version)
    }
    return async (events) => {
      for (const table of this.tables) {
        const found = live.get(table.projection.name)
        // Handed to a projector on purpose, which takes the events from the log.
        if (found?.inline) await table.apply(transaction, found.table, events)
      }
    }
  }
}
