import { DatabaseError, type Database } from '@tidemark/eventstore'
import { livePlaces, type LivePlace, type ProjectionStore } from '@tidemark/projections'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { ProblemError } from '../../errors.js'
import { StoreEpoch } from '../../http/store-epoch.js'
import type { Served } from '../read-context.js'
import { LiveConnection, type LiveQuery } from './live-connection.js'
import { LiveProjection } from './live-projection.js'
import { parseEventId } from './resume-point.js'

export interface LiveRowsOptions {
  /** How many streams of live rows may be open in this process; 2,000 unless said. */
  readonly maxStreams?: number
  /** How many of them one caller may have, where callers are told apart; 1,000 unless said. */
  readonly maxStreamsPerCaller?: number
  /** How often a stream is written to at least; 15,000 ms unless said. A client that reads nothing for two of them is cut off. */
  readonly heartbeatMs?: number
  /** After how long a stream ends at the next heartbeat, so that who may read no longer is asked again who he is; 15 minutes unless said. */
  readonly maxStreamMs?: number
}

const lookEveryMs = 100
const lagEveryMs = 1000
/** A client that reads nothing for so many heartbeats is cut off. */
const patience = 2

/**
 * The streams of live rows of a process: one look at the database from time to time for all of them, however many there are.
 */
export class LiveRows {
  private readonly epoch: StoreEpoch
  private readonly projections = new Map<string, LiveProjection>()
  private readonly callers = new Map<string, number>()
  private readonly maxStreams: number
  private readonly maxStreamsPerCaller: number
  private readonly heartbeat: NodeJS.Timeout
  private readonly patienceMs: number
  private readonly maxStreamMs: number
  private streams = 0
  private closing = false
  private timer: NodeJS.Timeout | undefined
  private looking: Promise<void> | undefined
  private lagToldAt = 0

  constructor(
    private readonly store: ProjectionStore,
    private readonly database: Database,
    private readonly log: FastifyBaseLogger,
    options: LiveRowsOptions = {},
  ) {
    const { maxStreams = 2000, maxStreamsPerCaller = 1000, heartbeatMs = 15_000, maxStreamMs = 15 * 60_000 } = options
    this.epoch = new StoreEpoch(store)
    this.maxStreams = maxStreams
    this.maxStreamsPerCaller = maxStreamsPerCaller
    this.patienceMs = patience * heartbeatMs
    this.maxStreamMs = maxStreamMs
    this.heartbeat = setInterval(() => this.beat(), heartbeatMs)
    this.heartbeat.unref()
  }

  /**
   * Answers with a stream; what cannot be watched is refused before it begins.
   *
   * @throws {ProblemError} `overloaded`, `closing`, `projection-not-built`, `projection-without-position`.
   */
  async open(
    served: Served,
    query: LiveQuery,
    { request, reply, caller }: { request: FastifyRequest; reply: FastifyReply; caller: string | undefined },
  ): Promise<void> {
    const leave = this.enter(caller)
    const projection = this.projectionOf(served)
    projection.users++
    const end = () => {
      leave()
      projection.users--
    }
    try {
      if (!projection.isFollowed) await projection.follow(() => this.lookFor(served))
      this.refuseWhenClosing()
    } catch (error) {
      end()
      throw error
    }
    const { raw } = reply
    if (raw.destroyed || raw.socket?.destroyed) return end()
    reply.hijack()
    const connection = new LiveConnection(raw, query, () => this.lookSoon(0))
    raw.on('error', () => undefined)
    raw.once('close', () => {
      projection.connections.delete(connection)
      end()
    })
    // The answer's end is the connection's: one that is kept alive would hold up the closing of the server.
    for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...streamHeaders, connection: 'close' }))
      if (value !== undefined) raw.setHeader(name, value)
    raw.writeHead(200)
    connection.write(`retry: ${1000 + Math.floor(Math.random() * 2000)}\n\n`)
    const resume = parseEventId(String(request.headers['last-event-id']))
    projection.add(connection, resume)
    this.lookSoon(0)
  }

  private async lookFor({ model }: Served): Promise<readonly [LivePlace | undefined, string]> {
    const [place] = await livePlaces(this.store, [model.name])
    return [place, await this.epoch.current()]
  }

  /** Ends all streams, and lets none begin. */
  async close(): Promise<void> {
    this.closing = true
    clearInterval(this.heartbeat)
    clearTimeout(this.timer)
    for (const connection of this.connections()) connection.end()
    await this.looking
  }

  private refuseWhenClosing(): void {
    const headers = { 'retry-after': '1' }
    if (this.closing) throw new ProblemError('closing', 'the server is closing: try again', { headers })
  }

  /** Counts a stream; gives the way to count it no longer. */
  private enter(caller: string | undefined): () => void {
    this.refuseWhenClosing()
    const own = caller === undefined ? 0 : (this.callers.get(caller) ?? 0)
    const headers = { 'retry-after': '5' }
    if (this.streams >= this.maxStreams)
      throw new ProblemError('overloaded', `${this.streams} streams of live rows are open already`, { headers })
    if (own >= this.maxStreamsPerCaller)
      throw new ProblemError('overloaded', `you have ${own} streams of live rows open already: end one`, { headers })
    this.streams++
    if (caller !== undefined) this.callers.set(caller, own + 1)
    return () => {
      this.streams--
      if (caller === undefined) return
      const left = (this.callers.get(caller) ?? 1) - 1
      if (left > 0) this.callers.set(caller, left)
      else this.callers.delete(caller)
    }
  }

  private projectionOf(served: Served): LiveProjection {
    const { name } = served.model
    let projection = this.projections.get(name)
    if (!projection) this.projections.set(name, (projection = new LiveProjection(this.store, this.database, served)))
    return projection
  }

  private *connections(): Iterable<LiveConnection> {
    for (const { connections } of this.projections.values()) yield* connections
  }

  private lookSoon(inMs: number): void {
    if (this.looking || this.closing) return
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.looking = this.look()
        // The database may be away: who watches waits for it.
        .catch((error: unknown) => {
          this.log.debug({ err: error }, 'live rows could not be looked up; tried again soon')
          return false
        })
        .then((more) => {
          this.looking = undefined
          if (this.projections.size > 0) this.lookSoon(more ? 0 : lookEveryMs)
        })
    }, inMs)
    this.timer.unref()
  }

  /** Looks where the tables are, and tells; true when there is more to tell at once. */
  private async look(): Promise<boolean> {
    for (const [name, { users }] of this.projections) if (users === 0) this.projections.delete(name)
    const watched = [...this.projections.values()]
    if (watched.length === 0) return false
    const places = await livePlaces(this.store, [...this.projections.keys()])
    const epoch = await this.epoch.current()
    const more = await Promise.all(
      watched.map((projection) => {
        const place = places.find(({ name }) => name === projection.served.model.name)
        return projection.look(place, epoch).catch((error: unknown) => this.giveUp(projection, error))
      }),
    )
    if (performance.now() - this.lagToldAt > lagEveryMs) {
      this.lagToldAt = performance.now()
      const { position } = await this.store.head()
      for (const projection of watched) projection.tellLag(position)
    }
    return more.includes(true)
  }

  /** What cannot be watched any more: its streams end, and those who come again are told why. What the database reports passes. */
  private giveUp({ connections, served }: LiveProjection, error: unknown): false {
    const fields = { err: error, projection: served.model.name }
    if (error instanceof DatabaseError) {
      this.log.debug(fields, 'live rows could not be read; tried again soon')
      return false
    }
    if (!(error instanceof ProblemError)) this.log.error(fields, 'live rows cannot be told any more; their streams end')
    for (const connection of connections) connection.end()
    return false
  }

  private beat(): void {
    for (const projection of this.projections.values())
      for (const connection of projection.connections) {
        const isOver = performance.now() - connection.openedAt > this.maxStreamMs
        if (isOver || (connection.blockedMs ?? 0) > this.patienceMs) connection.end()
        else connection.beat(projection.tag)
      }
  }
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // Proxies that gather answers, such as nginx, pass this one on as it comes.
  'x-accel-buffering': 'no',
}
