import type { RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { ProjectionHandler } from '../define-handler.js'
import { HandlerFailedError } from '../errors.js'
import { HandlerEffects } from '../handler-effects.js'
import { isPoison } from './is-poison.js'
import type { Redriven } from './redriven.js'
import type { ProjectionStore } from '../projection-store.js'

/** Gives events that waited to a handler one by one, in the caller's transaction, up to the first that fails. */
export async function redriveHandler(
  store: ProjectionStore,
  client: ClientBase,
  handler: ProjectionHandler,
  { events, sideEffects }: { readonly events: readonly RecordedEvent[]; readonly sideEffects: boolean },
): Promise<Pick<Redriven, 'handled' | 'failure' | 'rows'>> {
  const effects = new HandlerEffects(store, handler)
  const handled: bigint[] = []
  for (const event of events) {
    await client.query('savepoint waiting')
    try {
      await effects.apply(client, [event], { replay: true, sideEffects })
    } catch (error) {
      if (!isPoison(error)) throw error
      await client.query('rollback to savepoint waiting')
      const cause = error instanceof HandlerFailedError ? error : new HandlerFailedError(handler.name, event, error)
      return { handled, failure: { position: event.position, error: cause }, rows: [] }
    }
    await client.query('release savepoint waiting')
    handled.push(event.position)
  }
  return { handled, failure: undefined, rows: [] }
}
