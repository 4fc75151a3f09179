import { randomUUID } from 'node:crypto'
import { Checkpoint, listCheckpoints } from '../checkpoint.js'
import { on, type Database, type Queryable } from '../database.js'
import { ConfigurationError } from '../errors.js'
import type { StreamStore } from '../stream-store.js'
import { generateId } from '../generate-id.js'
import { insertImportedEvents } from '../sql/insert-imported-events.js'
import { selectKnownEventIds } from '../sql/select-known-event-ids.js'
import { selectStreamVersions } from '../sql/select-stream-versions.js'
import { inTransaction } from '../transaction.js'
import { eventOfRow, type ImportedEvent } from './event-of-row.js'
import { ImportError, type ImportProblem } from './import-error.js'
import { SourceQuery, type SourceRow } from './source-query.js'

export interface ImportOptions {
  /** Tells imports into one store apart, each of which remembers how far it got; `events` unless said. */
  readonly name?: string
  /** How many events a transaction has; 1,000 unless said. */
  readonly batchSize?: number
  /** Reads and checks everything, and writes nothing; all problems are counted, the first hundred of them are told. */
  readonly dryRun?: boolean
  /** 1 MiB unless said. */
  readonly maxEventBytes?: number
  readonly onProgress?: (done: { readonly events: bigint; readonly position: bigint }) => void
  /** Ends it between two batches. */
  readonly signal?: AbortSignal
}

export interface ImportReport {
  /** How many events were imported, or would be. */
  readonly events: bigint
  /** How many of them began a stream. */
  readonly streams: bigint
  /** Events of each type. */
  readonly types: Readonly<Record<string, number>>
  /** The `position` of the source that it began after, and the last one that is done. */
  readonly from: bigint
  readonly through: bigint
  /** Of a dry run: how many events cannot be imported. */
  readonly refused: bigint
  /** The first hundred of them. */
  readonly problems: readonly ImportProblem[]
}

const maxProblems = 100
const leaseMs = 60_000

/**
 * Imports the events of another table, in the order of its `position`.
 *
 * The query gives columns `position` (a rising, unique whole number), `stream_id`, `type`, `data`, and where there are any `version`, `id`, `metadata`,
 * `schema_version` and `recorded_at`. Versions are kept, and counted where the source has none. Each batch and its place in the source commit together, so a
 * run that was interrupted is simply started again. Needs the owner of the schema. Into a store with
 * tenancy it imports one tenant at a time, by `store.forTenant(…)`.
 *
 * @throws {ImportError} a row cannot be an event. @throws {ConfigurationError} the query lacks a column, or another run of this import is at work.
 *
 * @example
 * const query = `select global_position as position, stream_name as stream_id, position + 1 as version, type, data, metadata, id, time as recorded_at
 *                  from message_store.messages`
 * const report = await importEvents(store, source, query, { dryRun: true })
 */
export async function importEvents(
  store: StreamStore,
  source: Queryable,
  query: string,
  options: ImportOptions = {},
): Promise<ImportReport> {
  const { name = 'events', dryRun = false } = options
  await store.admit()
  const pages = await SourceQuery.open(source, query)
  const { tenant } = store.database
  const checkpointName = tenant === undefined ? `import:${name}` : `import:${tenant}/${name}`
  if (dryRun) {
    const [checkpoint] = await listCheckpoints(store.database, checkpointName)
    const from = checkpoint?.name === checkpointName ? checkpoint.position : 0n
    return runImport(store, pages, from, options, undefined)
  }
  const checkpoint = await Checkpoint.claim(store.database, checkpointName, { owner: randomUUID(), leaseMs })
  if (!checkpoint) throw new ConfigurationError(`another run of import "${name}" is at work: wait for its end`)
  try {
    return await runImport(store, pages, checkpoint.place.position, options, checkpoint)
  } finally {
    store.notifyAppended()
    await checkpoint.release()
  }
}

async function runImport(
  store: StreamStore,
  pages: SourceQuery,
  from: bigint,
  options: ImportOptions,
  checkpoint: Checkpoint | undefined,
): Promise<ImportReport> {
  const { batchSize = 1000, onProgress, signal } = options
  const tally = new Tally(from)
  // A dry run cannot ask the log which versions its earlier batches would have reached.
  const versions = new Map<string, bigint>()
  for (;;) {
    signal?.throwIfAborted()
    const rows = await pages.after(tally.through, batchSize)
    const last = rows.at(-1)
    if (!last) return tally.report()
    if (checkpoint) {
      const to = { position: last.position, eventId: undefined, epoch: undefined }
      const events = await inTransaction(store.pool, async (client) => {
        const inside = on(store.database, client)
        const placed = await placeEvents(inside, rows, new Map(), options, (problem) => {
          throw new ImportError(problem)
        })
        await insertImportedEvents(inside, placed)
        await checkpoint.advance(client, to)
        return placed
      })
      checkpoint.committed(to)
      tally.add(events, last.position)
    } else {
      const refuse = (problem: ImportProblem) => tally.refuse(problem)
      tally.add(await placeEvents(store.database, rows, versions, options, refuse), last.position)
    }
    onProgress?.({ events: tally.events, position: tally.through })
  }
}

type Placed = ImportedEvent & { readonly version: bigint }

/** Checks a page and gives each event its version; what does not fit is refused. */
async function placeEvents(
  database: Database,
  rows: readonly SourceRow[],
  versions: Map<string, bigint>,
  { maxEventBytes = 1024 * 1024 }: ImportOptions,
  refuse: (problem: ImportProblem) => void,
): Promise<Placed[]> {
  const events: ImportedEvent[] = []
  for (const row of rows) {
    try {
      events.push(eventOfRow(row, { generateId, maxEventBytes }))
    } catch (error) {
      if (!(error instanceof ImportError)) throw error
      refuse(error.problem)
    }
  }
  const strangers = new Set(events.map(({ streamId }) => streamId).filter((streamId) => !versions.has(streamId)))
  for (const [streamId, version] of await selectStreamVersions(database, [...strangers])) {
    versions.set(streamId, version)
  }
  const taken = new Set(
    await selectKnownEventIds(
      database,
      events.map(({ id }) => id),
    ),
  )
  return events.flatMap((event): Placed[] => {
    const { streamId, id, sourcePosition } = event
    const next = (versions.get(streamId) ?? 0n) + 1n
    versions.set(streamId, next)
    const version = event.version ?? next
    const reason =
      version !== next
        ? `its version is ${version}, the stream's next one is ${next}: leave the column version out to have them counted`
        : taken.has(id)
          ? `event id ${id} is in the log already`
          : undefined
    taken.add(id)
    if (reason === undefined) return [{ ...event, version }]
    refuse({ position: sourcePosition, streamId, reason })
    return []
  })
}

/** What was done so far. */
class Tally {
  events = 0n
  private refused = 0n
  private readonly problems: ImportProblem[] = []
  private streams = 0n
  private readonly types = new Map<string, number>()

  constructor(
    private readonly from: bigint,
    public through = from,
  ) {}

  add(events: readonly Placed[], through: bigint): void {
    this.events += BigInt(events.length)
    this.through = through
    for (const { type, version } of events) {
      if (version === 1n) this.streams++
      this.types.set(type, (this.types.get(type) ?? 0) + 1)
    }
  }

  refuse(problem: ImportProblem): void {
    this.refused++
    if (this.problems.length < maxProblems) this.problems.push(problem)
  }

  report(): ImportReport {
    const { events, streams, from, through, refused, problems } = this
    const types = Object.fromEntries([...this.types].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    return { events, streams, types, from, through, refused, problems }
  }
}
