import { createHash } from 'node:crypto'

/** Where a client of live rows has come, as its `Last-Event-ID` says. */
export interface ResumePoint {
  readonly position: bigint
  /** Under which rows and which log the position means something. */
  readonly tag: string
}

/** A short name for rows that change as events say and no otherwise: those of one revision of a live table, on one epoch of the log. */
export function tagOf(revision: string, epoch: string): string {
  return createHash('sha256').update(`${epoch}/${revision}`).digest('hex').slice(0, 12)
}

/** The id of an event: its position first, so that people can read it. */
export function eventId({ position, tag }: ResumePoint): string {
  return `${position}-${tag}`
}

/** Reads an id; undefined for what is none, such as that of another API. */
export function parseEventId(text: string | undefined): ResumePoint | undefined {
  const [, position, tag] = /^(\d{1,19})-([0-9a-f]{12})$/.exec(text ?? '') ?? []
  return position === undefined || tag === undefined ? undefined : { position: BigInt(position), tag }
}
