import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One request that the double got. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly authorization: string | undefined
  readonly body: unknown
}

/** What the double answers; `'hang'` never does, `'cut'` ends the connection. */
export type DoubleAnswer = { readonly status: number; readonly body: unknown } | 'hang' | 'cut'

/**
 * A double of a registry that answers as the test says, for what a real one cannot be brought to: errors in a row, silence.
 *
 * What a registry does with schemas is tested with a real one.
 */
export async function startRegistryDouble(answer: (request: SeenRequest, nth: number) => DoubleAnswer) {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        authorization: request.headers.authorization,
        body,
      }
      seen.push(one)
      const said = answer(one, seen.length)
      if (said === 'hang') return
      if (said === 'cut') return request.socket.destroy()
      response.writeHead(said.status, { 'content-type': 'application/json' })
      response.end(typeof said.body === 'string' ? said.body : JSON.stringify(said.body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}`, seen, close }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? undefined : JSON.parse(text)
}
