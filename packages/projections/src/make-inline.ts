import { ConfigurationError, type EventStore } from '@tidemark/eventstore'
import type { Projection } from './define-projection.js'
import { RebuildRunningError, VersionNotLiveError } from './errors.js'
import { rebuildProjection } from './rebuild-projection.js'
import { selectTables } from './sql/registry-statements.js'
import { checkTable } from './table-lifecycle.js'

/**
 * Makes sure that a read model is kept by appends: one that is new, or that a projector keeps, is built from the log and switched in.
 *
 * Where another process is at it, that one is waited for.
 *
 * @throws {SchemaChangedError} the table has other columns than the definition. @throws {VersionNotLiveError} another version is live.
 * @throws {ConfigurationError} it would have to be built, and the caller has a transaction open that a build may have to wait for.
 */
export async function makeInline(store: EventStore, projection: Projection, withinTransaction: boolean): Promise<void> {
  const { name, version } = projection
  for (;;) {
    const live = (await selectTables(store.database, [name])).find(({ status }) => status === 'live')
    if (live && live.version !== version) throw new VersionNotLiveError(name, version, live.version)
    if (live?.inline) return checkTable(store.database, projection, live)
    if (withinTransaction)
      throw new ConfigurationError(
        `read model "${name}" is not inline yet, and cannot become it while a transaction is open: call store.prepare() before`,
      )
    try {
      await rebuildProjection(store, projection, { keptBy: 'appends' })
    } catch (error) {
      if (!(error instanceof RebuildRunningError)) throw error
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 100))
    }
  }
}
