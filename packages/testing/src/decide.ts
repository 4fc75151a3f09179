import type { AnyAggregate, NewEvent } from '@tidemark/eventstore'
import { jsonPath } from './stored-events.js'

/** What an aggregate said to a command. */
export type Outcome =
  | { readonly kind: 'decided'; readonly events: readonly NewEvent[] }
  | { readonly kind: 'rejected'; readonly code: string; readonly reason: string }
  | { readonly kind: 'invalid'; readonly issues: readonly { readonly path: string; readonly message: string }[] }

/** Checks the input by the command's schema and lets the aggregate decide, as the store does. */
export function decide(aggregate: AnyAggregate, state: unknown, name: string, input: unknown): Outcome {
  const command = Object.hasOwn(aggregate.commands, name) ? aggregate.commands[name] : undefined
  if (!command) {
    const known = Object.keys(aggregate.commands).join(', ')
    throw new TypeError(`aggregate "${aggregate.name}" has no command "${name}": it has ${known}`)
  }
  const parsed = command.schema.safeParse(input)
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({ path: jsonPath(path), message }))
    return { kind: 'invalid', issues }
  }
  const decision = command.decide(state, parsed.data)
  if ('rejected' in decision) return { kind: 'rejected', code: decision.code, reason: decision.reason }
  return { kind: 'decided', events: 'type' in decision ? [decision] : decision }
}

/** An outcome in the words of a test report. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'decided':
      return outcome.events.length === 0 ? 'decided on no event' : `decided on ${typesOf(outcome.events)}`
    case 'rejected':
      return `was rejected: ${outcome.reason} (${outcome.code})`
    case 'invalid':
      return `was invalid: ${outcome.issues.map(({ path, message }) => `${path}: ${message}`).join('; ')}`
  }
}

/** The types of events, in order. */
export function typesOf(events: readonly { readonly type: string }[]): string {
  return events.map(({ type }) => type).join(', ')
}
