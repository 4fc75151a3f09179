import type { AnyAggregate, RecordedEvent } from '@tidemark/eventstore'
import type { ClientBase } from 'pg'
import type { HandlerContext, ProjectionHandler } from './define-handler.js'
import { upcastFor, wants } from './fold-rows.js'
import type { ProjectionStore } from './projection-store.js'

/** What batches of events are to a raw handler: revealed, upcast, and only those that it wants. */
export class HandlerEffects {
  private readonly aggregates: ReadonlyMap<string, AnyAggregate>
  private readonly types: ReadonlySet<string>

  constructor(
    private readonly store: ProjectionStore,
    private readonly handler: ProjectionHandler,
  ) {
    this.aggregates = new Map(handler.aggregates.map((aggregate) => [aggregate.name, aggregate]))
    this.types = new Set(handler.types)
  }

  /** Calls the handler within the caller's transaction; returns how many events it got. */
  async apply(client: ClientBase, events: readonly RecordedEvent[], context: HandlerContext): Promise<number> {
    const { handler, store } = this
    const revealed = await store.reveal(handler.aggregates, events, client)
    const known = revealed.flatMap((event) => {
      const aggregate = this.aggregates.get(event.category)
      if (!aggregate || !wants(aggregate, event, this.types)) return []
      return upcastFor(handler.name, aggregate, event) ?? []
    })
    await handler.handle(client, known, context)
    return known.length
  }
}
