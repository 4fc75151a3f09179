import { TruncationRefusedError, type TruncateResult } from '@tidemark/eventstore'
import { ArchiveFile } from '../archive-file.js'
import type { Context } from '../context.js'
import { CliError, ServerError } from '../errors.js'
import { ifThere, type AdminClient } from './admin-client.js'
import { recordedOf, streamPath, type EventView } from './stream-events.js'
import { changeThrough, type Changed, type ChangeOptions } from './through-server.js'

/** What is truncated, and how. */
export interface TruncationThrough extends Pick<ChangeOptions, 'reason' | 'dryRun'> {
  readonly before: bigint
  readonly archive?: string
  readonly withoutSnapshot?: boolean
  readonly evenIfUnread?: boolean
  readonly tenant?: string
}

/**
 * Has a server truncate a stream, after its events were written to a file here where that is wanted.
 *
 * The file stays unless it is certain that nothing was deleted.
 *
 * @throws {TruncationRefusedError} @throws {ServerError} @throws {CliError} nothing was deleted.
 */
export async function truncateThrough(
  server: AdminClient,
  streamId: string,
  truncation: TruncationThrough,
  context: Context,
): Promise<Changed<TruncateResult>> {
  const { before, archive, withoutSnapshot, evenIfUnread, tenant, dryRun } = truncation
  const input = { beforeVersion: String(before), withoutSnapshot, evenIfUnread, tenant }
  const truncate = async () => {
    const path = streamPath(streamId, 'truncate')
    const changed = await ifThere(changeThrough<TruncateResult>(server, path, truncation, input, context))
    return changed ?? noStream(streamId, before)
  }
  if (archive === undefined || dryRun) return truncate()
  const file = await ArchiveFile.create(archive)
  let isAsked = false
  try {
    await archiveThrough(server, streamId, truncation, file)
    isAsked = true
    return await truncate()
  } catch (error) {
    if (!isAsked || isRefused(error)) await file.remove()
    throw error
  } finally {
    await file.close()
  }
}

function isRefused(error: unknown): boolean {
  return (
    error instanceof TruncationRefusedError ||
    (error instanceof ServerError && error.code === 'EVENTSTORE_TRUNCATION_REFUSED')
  )
}

function noStream(streamId: string, before: bigint): never {
  throw new TruncationRefusedError(streamId, before, 'no-stream', '')
}

interface Page {
  /** The newest version of the stream. */
  readonly version: string
  readonly data: readonly EventView[]
  readonly page: { readonly next: string | null }
}

/** What is below the newest event never changes any more, so what is read here is what is deleted. */
async function archiveThrough(
  server: AdminClient,
  streamId: string,
  { before, tenant }: TruncationThrough,
  file: ArchiveFile,
): Promise<void> {
  const query = { to: String(before - 1n), limit: '200', payloads: 'full', tenant }
  let reached: bigint | undefined
  for (let from: string | null = '1'; from !== null;) {
    const answer: Page =
      (await ifThere(server.get<Page>(streamPath(streamId), { ...query, from }))) ?? noStream(streamId, before)
    // Events that came in between would be deleted without being in the file.
    if (BigInt(answer.version) < before)
      throw new TruncationRefusedError(streamId, before, 'last-event', answer.version)
    answer.data.forEach(refuseIncomplete)
    const events = answer.data.map(recordedOf)
    for (const { version } of events) {
      if (reached !== undefined && version !== reached + 1n) throw gap(streamId, reached)
      reached = version
    }
    await file.write(events)
    from = answer.page.next
  }
  if (reached !== undefined && reached !== before - 1n) throw gap(streamId, reached)
}

/** @throws {CliError} the server does not give the event as it is stored. */
function refuseIncomplete({ streamId, version, payloads, personal }: EventView): void {
  if (payloads === 'full' && personal === undefined) return
  const why = payloads === 'none' ? 'no data of its events' : `version ${version} without its personal data`
  throw new CliError(
    `a server gives ${why}, so an archive of "${streamId}" would lose it, and nothing was deleted: truncate without --server`,
  )
}

function gap(streamId: string, reached: bigint): CliError {
  return new CliError(
    `the server gave no event of "${streamId}" after version ${reached}, so the archive would not be whole, and nothing was deleted: try again`,
  )
}
