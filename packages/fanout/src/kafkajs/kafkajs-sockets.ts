import type { ISocketFactory } from 'kafkajs'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

const keepAliveMs = 60_000

/**
 * The connections of a kafkajs client.
 *
 * It forgets a broker of which one connection broke, and with it the other: that one would stay open after everything was disconnected, and keep the
 * program from ending.
 */
export class KafkajsSockets {
  private readonly open = new Set<Socket>()

  /** Connects as kafkajs itself does. */
  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    // Its types say that there are always TLS options.
    const options = ssl as typeof ssl | undefined
    const name = isIP(host) === 0 ? { servername: host } : {}
    const socket = options
      ? connectTls({ host, port, ...name, ...options }, onConnect)
      : connect({ host, port }, onConnect)
    socket.setKeepAlive(true, keepAliveMs)
    this.open.add(socket)
    socket.once('close', () => this.open.delete(socket))
    return socket
  }

  /** Ends what is still open after the client was disconnected. */
  destroy(): void {
    for (const socket of this.open) socket.destroy()
  }
}
