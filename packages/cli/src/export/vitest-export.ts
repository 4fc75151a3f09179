import type { AnyAggregate, NewEvent } from '@tidemark/eventstore'
import { isDeepStrictEqual } from 'node:util'
import type { History, Step } from './history-of.js'
import { literal, quoted } from './literal.js'

export interface VitestExportOptions {
  /** How the test imports the configuration, from its folder. */
  readonly configuration: string
}

/** What the log does not keep, and was found by trying: the command that decides on just these events. */
interface FoundCommand {
  readonly name: string
  readonly input: unknown
  readonly decided: readonly Step[]
}

/** The history as a given/when/then test of `@tidemark/testing`, which passes with the code of today. */
export function vitestExport(history: History, { configuration }: VitestExportOptions): string {
  const { aggregate, streamId } = history
  const steps = history.steps.filter(({ event }) => aggregate.events[event.type] !== undefined)
  const found = findCommand(aggregate, steps)
  const last = steps.at(-1)
  const past = found ? steps.slice(0, -found.decided.length) : steps
  const chain = found
    ? [
        `.when(${quoted(found.name)}, ${literal(found.input, '    ')})`,
        `.then(${found.decided.map(({ event: { type, data } }) => literal({ type, data }, '    ')).join(', ')})`,
      ]
    : [
        '// The log has no commands, and none was found that decides on the last event: write `.when(…)` and `.then(…)` here.',
      ]
  const state = last?.state
  if (isPlainJson(state)) chain.push(`.thenState(${literal(state, '    ')})`)
  else if (!found) chain.push(`.thenState({})`)
  return `// Made from the history of ${JSON.stringify(streamId)}, up to version ${history.steps.at(-1)?.event.version ?? 0}. Fields that are declared personal were replaced.
import { given } from '@tidemark/testing'
import { expect, it } from 'vitest'
import config from ${quoted(configuration)}

it(${quoted(`replays ${streamId}`)}, () => {
  const aggregate = config.aggregates.find(({ name }) => name === ${quoted(aggregate.name)})
  if (!aggregate) return expect.unreachable(${quoted(`the configuration has no aggregate "${aggregate.name}"`)})

  given(
    aggregate,
${past.map(({ event: { type, data } }) => `    ${literal({ type, data }, '    ')},\n`).join('')}  )
${chain.map((link) => `    ${link}\n`).join('')}})
`
}

/**
 * The events at the end that one command decided on have the same cause. Its input is not in the log: what can be tried is the data of the events.
 */
function findCommand(aggregate: AnyAggregate, steps: readonly Step[]): FoundCommand | undefined {
  const cause = steps.at(-1)?.event.metadata.causationId
  const first = steps.findLastIndex(({ event }) => event.metadata.causationId !== cause) + 1
  const begins = cause === undefined ? [steps.length - 1] : [first, steps.length - 1]
  for (const begin of new Set(begins)) {
    const decided = steps.slice(begin)
    const state = begin > 0 ? steps[begin - 1]?.state : aggregate.initialState()
    const inputs = [...decided.map(({ event }) => event.data), {}]
    for (const name of Object.keys(aggregate.commands))
      for (const candidate of inputs) {
        const input = accepted(aggregate, name, state, candidate, decided)
        if (input !== undefined) return { name, input, decided }
      }
  }
  return undefined
}

/** The input, if the command decides on exactly these events; what the command does not read of it is left out. */
function accepted(
  aggregate: AnyAggregate,
  name: string,
  state: unknown,
  candidate: unknown,
  decided: readonly Step[],
): unknown {
  const command = aggregate.commands[name]
  try {
    const parsed = command?.schema.safeParse(candidate)
    if (!parsed?.success) return undefined
    const decision = command?.decide(state, parsed.data)
    if (decision === undefined || 'rejected' in decision) return undefined
    const events: readonly NewEvent[] = 'type' in decision ? [decision] : decision
    const plain = events.map(({ type, data }) => ({
      type,
      data: aggregate.events[type]?.schema.parse(data),
    }))
    if (
      !isDeepStrictEqual(
        JSON.parse(JSON.stringify(plain)),
        decided.map(({ event: { type, data } }) => ({ type, data })),
      )
    )
      return undefined
    const again = command?.schema.safeParse(parsed.data)
    return isPlainJson(parsed.data) && isDeepStrictEqual(again?.data, parsed.data) ? parsed.data : candidate
  } catch {
    // Written for other inputs: whatever it throws, it is not the one.
    return undefined
  }
}

/** Whether a value can be written into a test: nothing of it is lost as JSON. */
function isPlainJson(value: unknown): boolean {
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? undefined : item)) as
    string | undefined
  return text !== undefined && isDeepStrictEqual(JSON.parse(text), value)
}
