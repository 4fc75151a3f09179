import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Address } from '../kafka/broker-properties.js'
import { forwardBytes } from './forward-bytes.js'
import { isMet, type Direction, type DropRule, type ProxyFaults, type SeenBytes } from './proxy-faults.js'

/** A connection through the proxy. */
export interface ProxiedConnection {
  readonly id: number
  /** Resets both sides. */
  cut(): void
  /** From now on swallows all bytes in both directions, and any end of stream, without closing either side. */
  blackHole(): void
}

/** Where the proxy leads to, and what it tells its owner. */
export interface FaultProxyOptions {
  readonly target: Address
  /** Default: any free port. */
  readonly port?: number
  readonly onConnection?: (connection: ProxiedConnection) => void
}

/** A line between a client and a server that can be made bad. */
export interface FaultProxy {
  readonly host: string
  readonly port: number
  readonly connections: readonly ProxiedConnection[]
  /** Sets latency and throughput for all connections, replacing what was set before; `{}` heals them. */
  setFaults(faults: ProxyFaults): void
  /** Resets all open connections; new ones are accepted. */
  cutAll(): void
  /** Swallows the bytes of all open connections, and of new ones until `heal`; nobody is told. */
  blackHoleAll(): void
  /** Resets new connections until `heal`; open ones stay. */
  refuse(): void
  /** Drops bytes when they match; returns how to remove the rule. */
  dropWhen(rule: DropRule): () => void
  /** New connections work again, and latency, throughput and rules are gone. What was black-holed stays so. */
  heal(): void
  /** Resets all connections and stops listening; safe to call again. */
  close(): Promise<void>
}

interface Connection extends ProxiedConnection {
  readonly sockets: readonly Socket[]
}

/**
 * Starts a TCP proxy at 127.0.0.1 that can delay, cut, refuse, swallow and drop.
 *
 * @example
 * const proxy = await createFaultProxy({ target: { host: '127.0.0.1', port: postgres.port } })
 * proxy.dropWhen({ direction: 'down', when: 'COMMIT\0' }) // the commit happens, its reply is lost
 */
export async function createFaultProxy({ target, port = 0, onConnection }: FaultProxyOptions): Promise<FaultProxy> {
  const connections = new Map<number, Connection>()
  const rules = new Map<DropRule, { matches: number }>()
  const faults: ProxyFaults = {}
  let newcomers: 'accept' | 'refuse' | 'black-hole' = 'accept'
  let nextId = 1

  /** What the first rule that is met asks for; a rule that has done its work is removed. */
  function faultFor(seen: SeenBytes): 'cut' | 'black-hole' | undefined {
    for (const [rule, state] of rules) {
      if (!isMet(rule, seen)) continue
      const { after = 0, times = 1 } = rule
      state.matches++
      if (state.matches <= after) continue
      if (state.matches >= after + times) rules.delete(rule)
      return rule.then ?? 'cut'
    }
    return undefined
  }

  function open(client: Socket): void {
    if (newcomers === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const server = connect({ host: target.host, port: target.port, allowHalfOpen: true })
    const id = nextId++
    let swallowed = false
    const connection: Connection = {
      id,
      sockets: [client, server],
      cut() {
        client.resetAndDestroy()
        // A socket that is still connecting cannot be reset.
        if (server.connecting) server.destroy()
        else server.resetAndDestroy()
      },
      blackHole() {
        swallowed = true
      },
    }
    connections.set(id, connection)
    const judge = (direction: Direction) => (seen: Pick<SeenBytes, 'bytes' | 'newBytes'>) => {
      if (swallowed) return 'drop'
      const fault = faultFor({ connectionId: id, direction, ...seen })
      if (fault === 'cut') connection.cut()
      if (fault === 'black-hole') connection.blackHole()
      return fault ? 'drop' : 'pass'
    }
    const swallows = () => swallowed
    forwardBytes(client, server, { faults, judge: judge('up'), swallows })
    forwardBytes(server, client, { faults, judge: judge('down'), swallows })
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true)
      // An error is followed by close, and close is what is passed on.
      socket.on('error', () => undefined)
      socket.on('close', (hadError) => {
        if (client.destroyed && server.destroyed) connections.delete(id)
        if (swallowed || other.destroyed) return
        // After an orderly end, what still waits to be passed on goes first.
        if (hadError || !socket.readableEnded) connection.cut()
      })
    }
    if (newcomers === 'black-hole') connection.blackHole()
    onConnection?.(connection)
  }

  const listener = createServer({ allowHalfOpen: true }, open).listen(port, '127.0.0.1')
  await once(listener, 'listening')
  const cutAll = (): void => connections.forEach((connection) => connection.cut())

  return {
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    get connections() {
      return [...connections.values()]
    },
    setFaults({ latencyMs = 0, bytesPerSecond = 0 }) {
      Object.assign(faults, { latencyMs, bytesPerSecond })
    },
    cutAll,
    blackHoleAll() {
      newcomers = 'black-hole'
      connections.forEach((connection) => connection.blackHole())
    },
    refuse() {
      newcomers = 'refuse'
    },
    dropWhen(rule) {
      const added = { ...rule }
      rules.set(added, { matches: 0 })
      return () => void rules.delete(added)
    },
    heal() {
      newcomers = 'accept'
      rules.clear()
      Object.assign(faults, { latencyMs: 0, bytesPerSecond: 0 })
    },
    async close() {
      cutAll()
      if (!listener.listening) return
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
