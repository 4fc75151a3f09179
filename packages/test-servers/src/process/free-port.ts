import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'

/**
 * Finds TCP ports that nobody listens on at 127.0.0.1.
 *
 * All of them are held open until the last one is known, so they differ from each other. Another process can take one
 * before the caller does: retry with new ports on a clash.
 *
 * @example const [client, controller] = await freePorts(2)
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  try {
    for (let i = 0; i < count; i++) {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      servers.push(server)
    }
    return servers.map((server) => (server.address() as AddressInfo).port)
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

/** Finds one free TCP port at 127.0.0.1; see {@link freePorts} for what that is worth. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1)
  if (port === undefined) throw new RangeError('no free port was found at 127.0.0.1: close some programs and try again')
  return port
}
