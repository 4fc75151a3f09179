import { Client, type ClientConfig } from 'pg'
import type { Logger } from './logger.js'

export interface ListenerOptions {
  /** How to reach Postgres directly: a transaction pooler does not pass notifications on. */
  readonly connection: ClientConfig
  /** How often the connection is tried, so that a half-open one is noticed. */
  readonly heartbeatMs: number
  readonly channel: string
  readonly onNotify: () => void
  readonly logger: Logger
}

const connectTimeoutMs = 5000
const longestPauseMs = 5000

/** A connection that listens on one channel, and comes back by itself after it broke. */
export class Listener {
  private client: Client | undefined
  private timer: NodeJS.Timeout | undefined
  private failures = 0
  private closed = false
  private connecting: Promise<void>

  constructor(private readonly options: ListenerOptions) {
    this.connecting = this.connect()
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    await this.connecting
    await this.drop()
  }

  private async connect(): Promise<void> {
    const { connection, channel, onNotify, logger } = this.options
    const client = new Client({
      ...connection,
      keepAlive: true,
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: connectTimeoutMs,
    })
    this.client = client
    client.on('notification', onNotify)
    client.on('error', (error) => this.reconnect(client, error))
    client.on('end', () => this.reconnect(client, new Error('the connection ended')))
    try {
      await client.connect()
      await client.query(`listen ${channel}`)
      this.failures = 0
      // What was appended while nobody listened.
      onNotify()
      this.beat(client)
      logger.debug({ channel }, 'listening')
    } catch (error) {
      this.reconnect(client, error)
    }
  }

  private beat(client: Client): void {
    if (this.closed || client !== this.client) return
    this.timer = setTimeout(() => {
      client.query('select 1').then(
        () => this.beat(client),
        (error: unknown) => this.reconnect(client, error),
      )
    }, this.options.heartbeatMs)
    this.timer.unref()
  }

  private reconnect(client: Client, error: unknown): void {
    if (client !== this.client) return
    void this.drop()
    if (this.closed) return
    this.options.logger.warn(
      { err: error },
      'the listening connection broke; events of other processes are found by the poll until it is back',
    )
    clearTimeout(this.timer)
    const pauseMs = Math.min(100 * 2 ** this.failures++, longestPauseMs) * (0.5 + Math.random())
    this.timer = setTimeout(() => {
      this.connecting = this.connect()
    }, pauseMs)
    this.timer.unref()
  }

  private async drop(): Promise<void> {
    const client = this.client
    this.client = undefined
    if (!client) return
    client.removeAllListeners('notification')
    // A broken socket never answers the goodbye: do not wait for it for long.
    const goodbye = client.end().catch(() => undefined)
    await Promise.race([goodbye, new Promise((resolve) => setTimeout(resolve, 1000).unref())])
  }
}
