import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { BadRequest } from './bad-requests.js'

/** What came back. */
export interface RawAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** Sends requests as they are, over this many connections at most. */
export function rawClient(
  url: string,
  connections: number,
): { send(bad: BadRequest): Promise<RawAnswer>; close(): void } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const { hostname, port } = new URL(url)
  return {
    close: () => agent.destroy(),
    send: ({ method, path, headers, body }) =>
      new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
        const sent = request(
          { agent, hostname, port, method, path: sendable(path), headers: { ...headers, ...length } },
          (answer) => {
            const parts: Buffer[] = []
            const { statusCode = 0, headers: given } = answer
            const contentType = given['content-type'] ?? ''
            const done = () => {
              resolve({ status: statusCode, contentType, body: Buffer.concat(parts).toString() })
            }
            answer.on('data', (part: Buffer) => parts.push(part))
            answer.once('end', done)
            // A stream of live rows has no end.
            if (contentType.includes('event-stream')) {
              done()
              answer.destroy()
            }
          },
        )
        // A server that refuses a body may close before it has read all of it.
        sent.once('error', (error: NodeJS.ErrnoException) =>
          body !== undefined && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '')
            ? resolve({ status: 0, contentType: '', body: '' })
            : reject(error),
        )
        sent.end(body)
      }),
  }
}

/** What HTTP cannot carry in a path becomes percent signs; everything else stays. */
function sendable(path: string): string {
  return path.replaceAll(/[^\x21-\x7e]/g, (text) => encodeURIComponent(text))
}

/** Sends bytes to a server, and gives what it says until it closes or is silent for a while. */
export function sendBytes(url: string, bytes: string, silentMs = 3000): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes))
    const end = () => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(silentMs, end)
    socket.on('data', (part) => (answer += part.toString('latin1')))
    socket.once('error', end)
    socket.once('close', end)
  })
}
