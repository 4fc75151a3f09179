import { connect, type Socket } from 'node:net'

/** Opens streams of live rows that nobody reads: once the answer has begun, the sockets are left alone. */
export async function openUnreadStreams(
  url: string,
  { token, path, count }: { readonly token: string; readonly path: string; readonly count: number },
): Promise<{ readonly statuses: ReadonlyMap<string, number>; close(): void }> {
  const { hostname, port } = new URL(url)
  const statuses = new Map<string, number>()
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const head = [
        `GET ${path} HTTP/1.1`,
        `Host: ${hostname}`,
        `Authorization: Bearer ${token}`,
        'Accept: text/event-stream',
      ]
      const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(`${head.join('\r\n')}\r\n\r\n`))
      socket.once('error', reject)
      socket.once('data', (part) => {
        socket.pause()
        // From here on it may be ended by the server, which is what it is there for.
        socket.on('error', () => undefined)
        const status = part.toString('latin1').split(' ')[1] ?? ''
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        resolve(socket)
      })
    })
  const sockets = await Promise.all(Array.from({ length: count }, open))
  return {
    statuses,
    close: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}
