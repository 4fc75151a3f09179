import type { Base, Connection } from '@platformatic/kafka'
import type { BrokerUnavailableError } from '../errors.js'

/**
 * A client of `@platformatic/kafka` that cannot wait for ever.
 *
 * The client waits for an answer without end (30 s in later releases), and closes a connection only when the other side does. So its
 * connections are followed, and cut when they have been silent for too long: it then tries again, and the broker recognises what
 * it has.
 */
export class BoundedClient<Client extends Base> {
  private readonly connections = new Set<Connection>()

  constructor(
    readonly client: Client,
    private readonly requestTimeoutMs: number,
    private readonly unavailable: (reason: string) => BrokerUnavailableError,
  ) {
    const follow = ({ connection }: { connection: Connection }) => {
      this.connections.add(connection)
      connection.once('close', () => this.connections.delete(connection))
    }
    client.on('client:broker:connect', follow)
  }

  /**
   * Cuts the connections each time that an answer is overdue, and gives up when it was for so many times.
   *
   * @throws {BrokerUnavailableError} the work did not end; it may still.
   */
  async within<T>(times: number, work: Promise<T>): Promise<T> {
    let overdue = 0
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_resolve, reject) => {
      timer = setInterval(() => {
        this.cut()
        if (++overdue === times) reject(this.unavailable(`no answer within ${times * this.requestTimeoutMs} ms`))
      }, this.requestTimeoutMs)
    })
    try {
      return await Promise.race([work, tooLate])
    } finally {
      clearInterval(timer)
    }
  }

  /** Closes now, without waiting for the other side. */
  async close(): Promise<void> {
    const closed = this.client.close().catch(() => undefined)
    this.cut()
    await closed
  }

  private cut(): void {
    for (const { socket } of this.connections) socket.destroy()
  }
}
