import { EventStoreError } from './errors.js'

/** Thrown when a state cannot be folded because the first events of its stream were deleted and no usable snapshot stands for them. */
export class StreamTruncatedError extends EventStoreError {
  override readonly code = 'EVENTSTORE_STREAM_TRUNCATED'
  constructor(
    readonly streamId: string,
    /** The first version that the stream still has. */
    readonly firstVersion: bigint,
    /** The version that could be reached; 0 where there was nothing to begin with. */
    readonly reachedVersion: bigint,
  ) {
    super(
      `stream "${streamId}" was truncated before version ${firstVersion}, and what it was after version ${reachedVersion} is not known: load a newer version, or bring back the snapshot or the archived events`,
    )
  }
}

/** Why a stream is not truncated. */
export type TruncationRefusal = 'no-stream' | 'last-event' | 'no-snapshot' | 'unread' | 'personal-data'

/** Thrown when a stream must not be truncated as asked; nothing was deleted. */
export class TruncationRefusedError extends EventStoreError {
  override readonly code = 'EVENTSTORE_TRUNCATION_REFUSED'
  constructor(
    readonly streamId: string,
    readonly beforeVersion: bigint,
    readonly refusal: TruncationRefusal,
    detail: string,
  ) {
    super(
      `stream "${streamId}" was not truncated before version ${beforeVersion}: ${reasons[refusal](beforeVersion, detail)}`,
    )
  }
}

const reasons: Record<TruncationRefusal, (beforeVersion: bigint, detail: string) => string> = {
  'no-stream': () => 'it has no events',
  'last-event': (_, lastVersion) => `it ends at version ${lastVersion}, and its last event always stays`,
  'no-snapshot': (before) =>
    `it has no usable snapshot at version ${before - 1n} or later, so it could not be loaded any more: cut at or below its snapshot, or say withoutSnapshot`,
  unread: (_, names) =>
    `these have not read those events yet: ${names}. Wait for them, or say evenIfUnread when they need not`,
  'personal-data': () =>
    'it has personal data, whose forgetting deletes its snapshots, so it could not be loaded afterwards: say withoutSnapshot when it need not be',
}
