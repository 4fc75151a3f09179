import { v7 as uuidv7 } from 'uuid'
import { startBenchServer } from '../bench-server.js'
import { repeat, type Contender, type PreparedSuite, type Run } from '../harness.js'
import { castore } from '../peers/castore.js'
import { emmett } from '../peers/emmett.js'
import { messageDb, messageDbOfManyCategories } from '../peers/message-db.js'
import { requirePeers } from '../peers/peer-packages.js'
import { PeerStores, type Lazy } from '../peers/peer-stores.js'
import type { Peer, PeerLog, PeerStore, ProjectingPeerLog } from '../peers/peer.js'
import { tidemark } from '../peers/tidemark.js'
import { orderPlaced } from '../workload.js'

const streamLength = 100
const eventsPerRow = 10

/** Tidemark and other event stores on Postgres in turn, on one server: appends, streams, catching up, a rebuild. */
export async function preparePeers(isShort: boolean): Promise<PreparedSuite> {
  requirePeers()
  console.error('Castore has neither subscriptions nor projections: it is measured with appends and reads')
  const server = await startBenchServer()
  const stores = new PeerStores(server)
  return {
    contenders: [
      ...appendContenders(stores, [emmett, castore, messageDb, messageDbOfManyCategories]),
      ...readContenders(stores, [emmett, castore, messageDb]),
      ...logContenders(stores, isShort ? 20_000 : 100_000),
    ],
    close: async () => {
      await stores.close()
      await server.close()
    },
  }
}

/** The peer and Tidemark, one after the other, so that the machine is the same for both. */
function beside<T>(
  peer: Peer,
  { what, unit, theirs, ours }: { what: string; unit: string; theirs: Lazy<T>; ours: Lazy<T> },
  run: (store: T, milliseconds: number) => Promise<Run>,
): Contender[] {
  const against = `${peer.name} ${what}`
  return [
    { name: against, unit, run: async (milliseconds) => run(await theirs(), milliseconds) },
    {
      name: `${what}, beside ${peer.name}`,
      unit,
      against,
      run: async (milliseconds) => run(await ours(), milliseconds),
    },
  ]
}

function appendContenders(stores: PeerStores, peers: readonly Peer[]): Contender[] {
  const ours = stores.lazily(tidemark.openStore)
  const opened = peers.map((peer) => ({ peer, theirs: stores.lazily(peer.openStore) }))
  return [1, 32, 128].flatMap((callers) =>
    opened.flatMap(({ peer, theirs }) => {
      const what = `append ${callers} ${callers === 1 ? 'caller' : 'callers'}`
      return beside(peer, { what, unit: 'events', theirs, ours }, (store, milliseconds) =>
        append(store, callers, milliseconds),
      )
    }),
  )
}

/** Single events with an expected version: each caller begins a stream, goes on with it, and begins another. */
async function append(store: PeerStore, callers: number, milliseconds: number): Promise<Run> {
  await store.empty()
  const begun = new Map<number, string>()
  let n = 0
  const run = await repeat(callers, milliseconds, async (caller) => {
    const streamId = begun.get(caller)
    if (streamId === undefined) {
      const newStreamId = uuidv7()
      begun.set(caller, newStreamId)
      await store.append(newStreamId, 0, orderPlaced(n++))
    } else {
      begun.delete(caller)
      await store.append(streamId, 1, orderPlaced(n++))
    }
    return 1
  })
  checkCount('stored', await store.countEvents(), run.count)
  return run
}

function readContenders(stores: PeerStores, peers: readonly Peer[]): Contender[] {
  const streamIds = Array.from({ length: 100 }, () => uuidv7())
  const fill = async (store: PeerStore) => {
    const appendAll = async (streamId: string) => {
      for (let version = 0; version < streamLength; version++) {
        await store.append(streamId, version, orderPlaced(version))
      }
    }
    await Promise.all(streamIds.map(appendAll))
  }
  const ours = stores.lazily(tidemark.openStore, fill)
  return peers.flatMap((peer) => {
    const theirs = stores.lazily(peer.openStore, fill)
    const what = `read stream ${streamLength}`
    return beside(peer, { what, unit: 'reads', theirs, ours }, (store, milliseconds) => {
      let n = 0
      return repeat(1, milliseconds, async () => {
        const streamId = streamIds[n++ % streamIds.length] ?? ''
        checkCount('read', await store.readStream(streamId), streamLength)
        return 1
      })
    })
  })
}

function logContenders(stores: PeerStores, events: number): Contender[] {
  const fill = (log: PeerLog) => log.fill(events, events / eventsPerRow)
  const ours = stores.lazily(tidemark.openLog, fill)
  const ofEmmett = stores.lazily(emmett.openLog, fill)
  const ofMessageDb = stores.lazily(messageDb.openLog, fill)
  const catchUp = `catch-up ${events / 1000}k`
  const checked = (done: string, run: Run) => {
    checkCount(done, run.count, events)
    return run
  }
  return [
    ...beside<PeerLog>(emmett, { what: catchUp, unit: 'events', theirs: ofEmmett, ours }, async (log) =>
      checked('handled', await log.catchUp()),
    ),
    ...beside<PeerLog>(messageDb, { what: catchUp, unit: 'events', theirs: ofMessageDb, ours }, async (log) =>
      checked('handled', await log.catchUp()),
    ),
    ...rebuildBeside({ theirs: ofEmmett, ours }, events),
  ]
}

/** A table built by Emmett with its fastest settings, and by Tidemark. */
export function rebuildBesideEmmett(stores: PeerStores, events: number): Contender[] {
  const fill = (log: PeerLog) => log.fill(events, events / eventsPerRow)
  return rebuildBeside(
    { theirs: stores.lazily(emmett.openLog, fill), ours: stores.lazily(tidemark.openLog, fill) },
    events,
  )
}

function rebuildBeside(
  logs: { readonly theirs: Lazy<ProjectingPeerLog>; readonly ours: Lazy<ProjectingPeerLog> },
  events: number,
): Contender[] {
  return beside<ProjectingPeerLog>(
    emmett,
    { what: `rebuild ${events / 1000}k`, unit: 'events', ...logs },
    async (log) => {
      const run = await log.rebuild()
      checkCount('projected', run.count, events)
      return run
    },
  )
}

/** A store that loses work, or leaves it out, has no rate. */
function checkCount(done: string, count: number, expected: number): void {
  if (count !== expected) throw new Error(`${done} ${count} of ${expected} events`)
}
