import type { Entry } from '../src/history/entry.js'

const idOf = (n: number) => `00000000-0000-7000-8000-00000000000${n}`

/** The ids of the events in {@link goodHistory}, by position. */
export const ids = [0, 1, 2, 3, 4, 5].map(idOf)

const append = (numbers: readonly number[], streamId: string, expectedVersion: string, version: string): Entry => ({
  kind: 'append',
  outcome: 'ok',
  caller: 'a',
  startedMs: 1,
  endedMs: 2,
  streamId,
  expectedVersion,
  version,
  events: numbers.map((n) => ({ id: idOf(n), data: { n } })),
})

const stored = (n: number, streamId: string, version: number): Entry => ({
  kind: 'event',
  position: String(n),
  id: idOf(n),
  streamId,
  version: String(version),
  data: { n },
  ...(n === 5 && { causationId: idOf(4) }),
})

const sent = (n: number, key: string, version: number, offset: number): Entry => ({
  kind: 'record',
  topic: 'events',
  partition: 0,
  offset: String(offset),
  key,
  id: idOf(n),
  version: String(version),
})

const refused: Entry = {
  kind: 'append',
  outcome: 'fail',
  caller: 'b',
  startedMs: 1,
  endedMs: 2,
  streamId: 's-1',
  expectedVersion: '0',
  events: [{ id: idOf(9), data: {} }],
  error: { code: 'EVENTSTORE_VERSION_CONFLICT', message: 'lost' },
}

/** A history of five events that keeps every promise, with evidence for all of the checks. */
export const goodHistory: readonly Entry[] = [
  append([1, 2], 's-1', 'no-stream', '2'),
  append([3], 's-2', '0', '1'),
  append([4, 5], 's-1', '2', '4'),
  refused,
  ...[stored(1, 's-1', 1), stored(2, 's-1', 2), stored(3, 's-2', 1), stored(4, 's-1', 3), stored(5, 's-1', 4)],
  { kind: 'read', subscriber: 'r', atMs: 3, through: '2', events: [1, 2].map((n) => [String(n), idOf(n)] as const) },
  { kind: 'read', subscriber: 'r', atMs: 4, through: '5', events: [3, 4, 5].map((n) => [String(n), idOf(n)] as const) },
  { kind: 'stream-read', atMs: 5, streamId: 's-1', ids: [idOf(1), idOf(2)] },
  { kind: 'load', streamId: 's-1', version: '4', loaded: { sum: 12 }, folded: { sum: 12 } },
  { kind: 'counter', name: 'c', checkpoint: '4', counts: { 's-1': 3, 's-2': 1 } },
  ...[sent(1, 's-1', 1, 0), sent(2, 's-1', 2, 1), sent(1, 's-1', 1, 2), sent(3, 's-2', 1, 3), sent(4, 's-1', 3, 4)],
  { kind: 'bridge', topic: 'events', interruptions: 1, largestBatch: 2, checkpoint: '4' },
  { kind: 'healed', atMs: 1000 },
  { kind: 'caught-up', subscriber: 'r', atMs: 2000 },
  { kind: 'requirement', name: 'drops', expected: '3', actual: '3', met: true },
]

/** The same history with the entries of one kind changed; an entry that becomes undefined is gone. */
export function doctored<Kind extends Entry['kind']>(
  kind: Kind,
  change: (entry: Extract<Entry, { kind: Kind }>, index: number) => Entry | undefined,
): Entry[] {
  let index = 0
  const isKind = (entry: Entry): entry is Extract<Entry, { kind: Kind }> => entry.kind === kind
  return goodHistory
    .map((entry) => (isKind(entry) ? change(entry, index++) : entry))
    .filter((entry) => entry !== undefined)
}
