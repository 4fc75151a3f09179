import type { Row, RowKey } from '@tidemark/projections'
import type { LiveConnection } from './live-connection.js'
import type { RecentChanges } from './recent-changes.js'
import type { ResumePoint } from './resume-point.js'

/** How many rows one connection is told of at once, and how many are read at once for all. */
const rowsAtOnce = { connection: 100, all: 200 }
/** About how much is written to a connection that has room: more waits for it nowhere. */
const chunkLength = 32 * 1024

/** A change that a connection is told. */
interface Told {
  readonly key: RowKey
  /** Where it was. */
  readonly at: bigint
  /** Up to where everything has been told then. */
  readonly told: bigint
}

/** A piece of what a connection is told, and up to where everything has been told with it. */
interface Chunk {
  readonly text: string
  readonly through: bigint
}

/** What is told in one turn: the connections that it is for, those furthest behind first, and the rows that they need. */
export class LiveBatch {
  readonly connections: LiveConnection[] = []
  readonly keys = new Set<RowKey>()
  private readonly changes = new Map<bigint, ReadonlyMap<RowKey, bigint>>()
  private readonly parts = new Map<bigint, readonly Told[]>()
  private readonly chunks = new Map<string, readonly Chunk[]>()
  /** What each connection has yet to be told. */
  private readonly left = new Map<LiveConnection, readonly Chunk[]>()

  constructor(
    private readonly recent: RecentChanges,
    waiting: readonly LiveConnection[],
    private readonly end: bigint,
  ) {
    for (const connection of waiting) {
      if (this.keys.size >= rowsAtOnce.all) break
      this.connections.push(connection)
      const { key } = connection.query
      if (key === undefined) for (const told of this.partAfter(connection.through)) this.keys.add(told.key)
      else if (this.concerns(connection, key)) this.keys.add(key)
    }
  }

  /** Writes the next piece to a connection that has room; true when it has another one to be told. */
  tell(
    connection: LiveConnection,
    rows: ReadonlyMap<RowKey, Row>,
    pointAt: (position: bigint) => ResumePoint,
  ): boolean {
    const { key } = connection.query
    if (key !== undefined) {
      if (this.concerns(connection, key)) connection.write(connection.tell(key, rows.get(key), pointAt(this.end)))
      connection.wantsRow = false
      connection.through = this.end
      return false
    }
    const [next, ...later] = this.left.get(connection) ?? this.chunksOf(connection, rows, pointAt)
    this.left.set(connection, later)
    if (!next) return false
    if (next.text !== '') connection.write(next.text)
    connection.through = next.through
    return later.length > 0
  }

  private chunksOf(
    connection: LiveConnection,
    rows: ReadonlyMap<RowKey, Row>,
    pointAt: (position: bigint) => ResumePoint,
  ): readonly Chunk[] {
    const name = `${connection.through} ${connection.group}`
    let chunks = this.chunks.get(name)
    if (!chunks) this.chunks.set(name, (chunks = this.chunksFor(connection, rows, pointAt)))
    return chunks
  }

  private chunksFor(
    connection: LiveConnection,
    rows: ReadonlyMap<RowKey, Row>,
    pointAt: (position: bigint) => ResumePoint,
  ): readonly Chunk[] {
    const part = this.partAfter(connection.through)
    const chunks: Chunk[] = []
    let text = ''
    let through = connection.through
    for (const { key, at, told } of part) {
      // Never between rows that one event changed: who goes on there would be told them again.
      if (text.length > chunkLength && at > through) {
        chunks.push({ text, through })
        text = ''
      }
      text += connection.tell(key, rows.get(key), pointAt(told))
      through = at
    }
    const isAll = part.length === this.changesAfter(connection.through).size
    return [...chunks, { text, through: isAll ? this.end : through }]
  }

  private concerns({ wantsRow, through }: LiveConnection, key: RowKey): boolean {
    return wantsRow || this.changesAfter(through).has(key)
  }

  private changesAfter(position: bigint): ReadonlyMap<RowKey, bigint> {
    let changes = this.changes.get(position)
    if (!changes) this.changes.set(position, (changes = this.recent.after(position)))
    return changes
  }

  /** The first changes after a position: at most so many, but all rows that one event changed. */
  private partAfter(position: bigint): readonly Told[] {
    let part = this.parts.get(position)
    if (part) return part
    const all = [...this.changesAfter(position)]
    let length = Math.min(all.length, rowsAtOnce.connection)
    while (length < all.length && all[length]?.[1] === all[length - 1]?.[1]) length++
    // Of the rows that one event changed only the last one's id has its position: who is cut off between them is told them again.
    part = all.slice(0, length).map(([key, at], index) => ({
      ...{ key, at },
      told: all[index + 1]?.[1] === at ? at - 1n : at,
    }))
    this.parts.set(position, part)
    return part
  }
}
