import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'truncate-stream',
  text: (schema) => `
select refusal, detail, deleted from ${schema}.truncate_stream($1, $2, $3, $4, $5, $6, $7, $8)`,
}

export interface Truncation {
  readonly streamId: string
  readonly beforeVersion: bigint
  readonly reason: string | undefined
  readonly actor: string | undefined
  /** The snapshot version that must be there; that of the newest one unless said. */
  readonly snapshotVersion: number | undefined
  readonly withoutSnapshot: boolean
  readonly evenIfUnread: boolean
  /** Only looks whether something speaks against it. */
  readonly dryRun: boolean
}

export interface TruncationOutcome {
  /** What speaks against it; undefined when nothing does. */
  readonly refusal: string | undefined
  /** The names or the number that the refusal is about. */
  readonly detail: string
  readonly deletedEvents: bigint
}

/** Deletes the first events of a stream and leaves its tombstone, or says what speaks against it. */
export async function truncateStream(database: Database, truncation: Truncation): Promise<TruncationOutcome> {
  const { streamId, beforeVersion, reason, actor, snapshotVersion, withoutSnapshot, evenIfUnread, dryRun } = truncation
  const [row] = await run<[string | null, string | null, string]>(database, statement, [
    ...[streamId, beforeVersion, reason ?? null, actor ?? null, snapshotVersion ?? null],
    ...[withoutSnapshot, evenIfUnread, dryRun],
  ])
  const [refusal, detail, deleted] = row ?? [null, null, '0']
  return { refusal: refusal ?? undefined, detail: detail ?? '', deletedEvents: BigInt(deleted) }
}
