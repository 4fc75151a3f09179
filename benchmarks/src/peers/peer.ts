import type { Run } from '../harness.js'
import type { orderPlaced } from '../workload.js'

export type BenchEvent = ReturnType<typeof orderPlaced>

/** How many connections each store has: what `pg`, Emmett and Castore have by default, the last of which takes no other number. */
export const poolSize = 10

/** An event store as the suite `peers` drives it: Tidemark, or one that it is compared with. */
export interface Peer {
  readonly name: string
  /** Installs the store into an empty database, for appends and for reading streams. */
  readonly openStore: (url: string) => Promise<PeerStore>
}

/** One whose log can be followed. */
export interface FollowedPeer extends Peer {
  /** Installs the store into an empty database, for reading the whole log. */
  readonly openLog: (url: string) => Promise<PeerLog>
}

/** One that keeps read models. */
export interface ProjectingPeer extends FollowedPeer {
  readonly openLog: (url: string) => Promise<ProjectingPeerLog>
}

export interface PeerStore {
  /** Appends to the stream that holds `version` events, and fails if it holds another number. */
  append(streamId: string, version: number, event: BenchEvent): Promise<unknown>
  /** Reads a whole stream, data and metadata parsed, and returns the number of events. */
  readStream(streamId: string): Promise<number>
  countEvents(): Promise<number>
  /** Removes all events. */
  empty(): Promise<void>
  close(): Promise<void>
}

export interface PeerLog {
  /** Fills the log by SQL, the streams in turn, so that all logs are the same in the same order. */
  fill(events: number, streams: number): Promise<void>
  /** Hands the whole log to a handler that does nothing but count, with a checkpoint; counts what was handled. */
  catchUp(): Promise<Run>
  close(): Promise<void>
}

export interface ProjectingPeerLog extends PeerLog {
  /** Makes a table with one row per stream anew from the whole log; counts the events that the rows say they were made of. */
  rebuild(): Promise<Run>
}
