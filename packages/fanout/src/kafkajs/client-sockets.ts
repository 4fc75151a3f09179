import type { ISocketFactory } from 'kafkajs'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectEncrypted } from 'node:tls'

const keepAliveMs = 60_000

/**
 * The sockets of one kafkajs client, which holds on to some for too long.
 *
 * It waits for an answer before it lets one go: by itself it takes 20 seconds to leave a broker that says nothing. And it forgets a broker of which one
 * connection broke, and with it the other, which would stay open after everything was disconnected and keep the program from ending.
 */
export class ClientSockets {
  private readonly open = new Set<Socket>()
  private closed = false

  /** What kafkajs makes by itself, only that it is known here. */
  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.closed) throw new Error('the client was closed')
    // Said to be there always, and missing where nothing is encrypted.
    const encryption = ssl as typeof ssl | undefined
    const server = isIP(host) === 0 ? { servername: host } : {}
    const socket = encryption
      ? connectEncrypted({ host, port, ...server, ...encryption }, onConnect)
      : connect({ host, port }, onConnect)
    socket.setKeepAlive(true, keepAliveMs)
    this.open.add(socket)
    socket.once('close', () => this.open.delete(socket))
    return socket
  }

  /** Waits for an orderly end for `graceMs` at most, then closes what is left; there are no others afterwards. */
  async closeAfter(orderlyEnd: Promise<unknown>, graceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)))
    await Promise.race([orderlyEnd, tooLate])
    clearTimeout(timer)
    this.close()
  }

  /** Closes what is left after an orderly end; there are no others afterwards. */
  close(): void {
    this.closed = true
    for (const socket of this.open) socket.destroy()
  }
}
