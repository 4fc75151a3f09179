import type { AnyAggregate } from '@tidemark/eventstore'
import type { ConsumerDefinition } from './define-consumer.js'
import { ConsumerConfigurationError } from './errors.js'

/** How a consumer knows which events it has handled, in the transaction of what they did. */
export type Inbox =
  /** A row per event. Older rows are deleted: after `keepMs`, 14 days unless said, an event that comes again is handled again. */
  | { readonly by: 'id'; readonly keepMs?: number }
  /** A row per stream with its last version. It finds gaps, so records have to be complete; a gap halts the partition unless accepted. */
  | { readonly by: 'version'; readonly gaps?: 'stop' | 'accept' }
  /** Not at all: handlers make sure of it themselves. */
  | { readonly by: 'none' }

/** How failing records are tried again. */
export interface Retry {
  /** How often a record is handled at most in one place, from 1; 5 unless said, and 1 with retry topics. */
  readonly attempts?: number
  /** The first pause, doubled with each failure; 200 ms unless said. */
  readonly initialDelayMs?: number
  /** The longest pause; 30,000 ms unless said. */
  readonly maxDelayMs?: number
  /**
   * Delays of retry topics, `<topic>.retry.<delay>`: a record that fails goes to the first at once, then to the next, and its
   * partition goes on. The order of a key is given up. None unless said: the partition waits.
   */
  readonly topicsAfterMs?: readonly number[]
}

const dayMs = 86_400_000

export function inboxOf(inbox: Inbox['by'] | Inbox = 'id'): ConsumerDefinition['inbox'] {
  const given = typeof inbox === 'string' ? ({ by: inbox } as Inbox) : inbox
  switch (given.by) {
    case 'id':
      return { keepMs: 14 * dayMs, ...given }
    case 'version':
      return { gaps: 'stop', ...given }
    case 'none':
      return given
  }
}

export function retryOf(retry: Retry = {}): Required<Retry> {
  const { topicsAfterMs = [] } = retry
  return {
    attempts: topicsAfterMs.length > 0 ? 1 : 5,
    initialDelayMs: 200,
    maxDelayMs: 30_000,
    topicsAfterMs,
    ...retry,
  }
}

export function listOf(from: AnyAggregate | readonly AnyAggregate[]): readonly AnyAggregate[] {
  return Array.isArray(from) ? (from as readonly AnyAggregate[]) : [from as AnyAggregate]
}

/** @throws {ConsumerConfigurationError} something cannot be, or does not go together. */
export function checkConsumer(definition: ConsumerDefinition): void {
  const { name, group, topics, aggregates, types, handling, concurrency } = definition
  const refuse = (reason: string) => new ConsumerConfigurationError(name, reason)
  for (const [what, text] of [
    ['name', name],
    ['group', group],
  ] as const) {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(text))
      throw refuse(`its ${what} ${JSON.stringify(text)} is not usable: letters, digits, _, . and -, at most 100`)
  }
  if (topics.length === 0) throw refuse('it has no topic')
  const unusable = topics.find((topic) => !/^[A-Za-z0-9._-]{1,200}$/.test(topic))
  if (unusable !== undefined)
    throw refuse(`topic ${JSON.stringify(unusable)} is not usable: letters, digits, ., _ and -`)
  if (types.size === 0) throw refuse('it handles no type of event')
  const known = aggregates.flatMap(({ events }) => Object.keys(events))
  const unknown = [...types].find((type) => !known.includes(type))
  if (unknown !== undefined)
    throw refuse(`none of its aggregates has an event ${unknown}: there is ${known.join(', ')}`)
  checkNumber(name, 'concurrency', concurrency)
  if (handling.by === 'batch') checkNumber(name, 'batchSize', handling.batchSize)
  checkRetry(definition)
  checkDeadLetters(definition)
  checkInbox(definition)
  checkCauses(definition)
}

function checkRetry({ name, retry }: ConsumerDefinition): void {
  checkNumber(name, 'retry.attempts', retry.attempts)
  checkNumber(name, 'retry.initialDelayMs', retry.initialDelayMs)
  checkNumber(name, 'retry.maxDelayMs', retry.maxDelayMs)
  for (const delayMs of retry.topicsAfterMs) checkNumber(name, 'retry.topicsAfterMs', delayMs)
  if (new Set(retry.topicsAfterMs).size < retry.topicsAfterMs.length)
    throw new ConsumerConfigurationError(name, 'retry.topicsAfterMs has a delay twice, which would be one topic')
}

function checkDeadLetters({ name, deadLetter, unknownTypes, tombstones, retry }: ConsumerDefinition): void {
  const refuse = (reason: string) => new ConsumerConfigurationError(name, reason)
  if (deadLetter) {
    if (!/^[A-Za-z0-9._-]{1,40}$/.test(deadLetter.suffix))
      throw refuse(`deadLetter.suffix ${JSON.stringify(deadLetter.suffix)} is not usable: letters, digits, ., _ and -`)
    return
  }
  if (unknownTypes === 'dead-letter' || tombstones === 'dead-letter')
    throw refuse('a policy is "dead-letter", but deadLetter is false')
  if (retry.topicsAfterMs.length > 0) throw refuse('retry topics end in the dead letters, but deadLetter is false')
}

/** A version inbox takes a lower version for one that was handled, so nothing may be set aside and come back later. */
function checkInbox({ name, inbox, retry, deadLetter }: ConsumerDefinition): void {
  const refuse = (reason: string) => new ConsumerConfigurationError(name, reason)
  if (inbox.by === 'id') checkNumber(name, 'inbox.keepMs', inbox.keepMs)
  if (inbox.by !== 'version') return
  if (retry.topicsAfterMs.length > 0)
    throw refuse(
      'retry topics let later versions overtake a failing one, which a version inbox would then take for handled: use inbox "id", or retry in place',
    )
  if (deadLetter)
    throw refuse(
      'a dead letter that is redriven has a lower version than what followed it, so a version inbox would take it for handled: use inbox "id", or deadLetter: false, which halts the partition',
    )
}

function checkCauses({ name, causes, inbox, handling, deadLetter }: ConsumerDefinition): void {
  if (!causes) return
  const refuse = (reason: string) => new ConsumerConfigurationError(name, reason)
  checkNumber(name, 'causes.waitMs', causes.waitMs)
  if (inbox.by !== 'id') throw refuse('only an inbox by id knows whether a cause was handled: use inbox "id"')
  if (handling.by === 'batch')
    throw refuse('a batch is one transaction, in which no event can wait for another: use defineConsumer')
  if (causes.otherwise === 'dead-letter' && !deadLetter)
    throw refuse('causes.otherwise is "dead-letter", but deadLetter is false')
}

function checkNumber(consumer: string, what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new ConsumerConfigurationError(consumer, `${what} is a whole number from 1, got ${value}`)
}
