import type { EventStore } from '@tidemark/eventstore'

const freshForMs = 5000

/** The epoch of a store's log, read again when what is known is old, or is doubted. */
export class StoreEpoch {
  private known: { readonly epoch: string; readonly readAt: number } | undefined

  constructor(private readonly store: Pick<EventStore, 'log'>) {}

  async current(): Promise<string> {
    const { known } = this
    return known && performance.now() - known.readAt < freshForMs ? known.epoch : this.read()
  }

  /** Whether an epoch is the log's; another than the known one is looked up before it is called foreign. */
  async isCurrent(epoch: string): Promise<boolean> {
    return epoch === (await this.current()) || epoch === (await this.read())
  }

  private async read(): Promise<string> {
    const epoch = await this.store.log.epoch()
    this.known = { epoch, readAt: performance.now() }
    return epoch
  }
}
