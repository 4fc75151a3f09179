import type { BenchServer } from '../bench-server.js'
import { PeerDatabases, vacuum } from './peer-databases.js'

/** What is measured, opened when it is first used. */
export type Lazy<T> = () => Promise<T>

interface Closable {
  close(): Promise<void>
}

/** Opens stores on one server, each in a database of its own, and closes all of them. */
export class PeerStores {
  private readonly databases: PeerDatabases
  private readonly opened: Closable[] = []

  constructor(server: Pick<BenchServer, 'url'>) {
    this.databases = new PeerDatabases(server.url)
  }

  /** Opens and fills a store at its first use, and only once: one that cannot be opened fails its own figures and no others. */
  lazily<T extends Closable>(open: (url: string) => Promise<T>, fill?: (store: T) => Promise<void>): Lazy<T> {
    let store: Promise<T> | undefined
    return () => (store ??= this.open(open, fill))
  }

  private async open<T extends Closable>(open: (url: string) => Promise<T>, fill?: (store: T) => Promise<void>) {
    const url = await this.databases.create()
    const store = await open(url)
    this.opened.push(store)
    await fill?.(store)
    await vacuum(url)
    return store
  }

  /** Closes the stores and drops their databases. */
  async close(): Promise<void> {
    for (const store of this.opened) await store.close()
    await this.databases.close()
  }
}
