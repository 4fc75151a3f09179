import { defineAggregate, event, reject, type EventStorePort, type ExpectedVersion } from '@tidemark/eventstore'
import fc from 'fast-check'
import { z } from 'zod'

/** Its commands depend on the state, so that one that is decided on an old state shows. */
export const Account = defineAggregate({
  name: 'account',
  initialState: () => ({ balance: 0, moves: 0 }),
  events: { Moved: event(z.object({ amount: z.int(), move: z.int() })) },
  evolve: { Moved: (state, { data }) => ({ balance: state.balance + data.amount, moves: data.move }) },
  commands: (command) => ({
    move: command(z.object({ amount: z.int() }), (state, { amount }) =>
      state.balance + amount < 0
        ? reject('overdrawn', `there are ${state.balance}`)
        : { type: 'Moved', data: { amount, move: state.moves + 1 } },
    ),
    empty: command(z.object({}), (state) =>
      state.balance === 0 ? [] : { type: 'Moved', data: { amount: -state.balance, move: state.moves + 1 } },
    ),
  }),
  snapshot: { every: 3, version: 1 },
})

/** One call of a store, and what can be compared of its outcome: all but positions and generated ids. */
export type Operation = (store: EventStorePort, run: string) => Promise<unknown>

const stream = fc.constantFrom('a', 'b', 'c')
/** Few ids, so that they meet again, with the same content and with other content. */
const eventId = fc.integer({ min: 0, max: 9 })
const amount = fc.integer({ min: -2, max: 3 })
const expectedVersion: fc.Arbitrary<ExpectedVersion> = fc.oneof(
  fc.constantFrom<ExpectedVersion>('any', 'no-stream', 'stream-exists'),
  fc.integer({ min: 0, max: 6 }),
)
const newEvents = (minLength: number) =>
  fc.array(fc.record({ id: eventId, amount: fc.integer({ min: 1, max: 2 }) }), { minLength, maxLength: 3 })
const part = (minLength: number) => fc.record({ stream, expectedVersion, events: newEvents(minLength) })

const uuid = (run: string, id: number) => `${run}-0000-4000-8000-${String(id).padStart(12, '0')}`

function toEvents(run: string, events: readonly { id: number; amount: number }[]) {
  return events.map(({ id, amount }) => ({ type: 'Moved' as const, id: uuid(run, id), data: { amount, move: amount } }))
}

/** A command's id fixes the command, as it does for callers who send one again. */
const command = fc.oneof(
  fc.record({ name: fc.constant('move' as const), amount, id: fc.constant(undefined) }),
  fc.record({ name: fc.constant('empty' as const), amount: fc.constant(0), id: fc.constant(undefined) }),
  fc.integer({ min: 20, max: 25 }).map((id) => ({ name: 'move' as const, amount: (id % 4) - 2, id })),
  fc.integer({ min: 26, max: 27 }).map((id) => ({ name: 'empty' as const, amount: 0, id })),
)

/** Any call that changes a store or reads one stream. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: part(0).map(toAppend) },
  {
    weight: 2,
    arbitrary: fc.uniqueArray(part(0), { minLength: 1, maxLength: 3, selector: (p) => p.stream }).map(toAppendAll),
  },
  { weight: 4, arbitrary: fc.record({ stream, command, demanded: fc.option(fc.bigInt(0n, 5n)) }).map(toExecute) },
  { weight: 1, arbitrary: fc.record({ stream, atVersion: fc.bigInt(0n, 6n) }).map(toLoad) },
  { weight: 1, arbitrary: stream.map(toRead) },
)

interface Part {
  readonly stream: string
  readonly expectedVersion: ExpectedVersion
  readonly events: readonly { id: number; amount: number }[]
}

function toAppend({ stream, expectedVersion, events }: Part): Operation {
  return named(`append ${JSON.stringify({ stream, expectedVersion, events })}`, async (store, run) => {
    const result = await store.append(Account, `${run}-${stream}`, toEvents(run, events), { expectedVersion })
    return { ...result, position: undefined, events: result.events.map(({ id, version }) => ({ id, version })) }
  })
}

function toAppendAll(parts: readonly Part[]): Operation {
  return named(`appendToStreams ${JSON.stringify(parts)}`, async (store, run) => {
    const results = await store.appendToStreams(
      parts.map(({ stream, expectedVersion, events }) => ({
        aggregate: Account,
        streamId: `account-${run}-${stream}`,
        expectedVersion,
        events: toEvents(run, events),
      })),
    )
    return results.map(({ streamId, version, events, duplicate }) => ({
      streamId,
      version,
      events: events.length,
      duplicate,
    }))
  })
}

function toExecute(values: {
  stream: string
  command: { name: 'move' | 'empty'; amount: number; id: number | undefined }
  demanded: bigint | null
}): Operation {
  const { stream, command, demanded } = values
  // The id of a command belongs to one stream, too.
  const target = command.id === undefined ? stream : 'abc'.charAt(command.id % 3)
  return named(`execute ${target} ${JSON.stringify(command)} ${demanded}`, async (store, run) => {
    const options = {
      ...(command.id !== undefined && { commandId: uuid(run, command.id) }),
      ...(demanded !== null && { expectedVersion: demanded }),
    }
    const { state, version, events, duplicate } =
      command.name === 'empty'
        ? await store.execute(Account, `${run}-${target}`, 'empty', {}, options)
        : await store.execute(Account, `${run}-${target}`, 'move', { amount: command.amount }, options)
    return { state, version, events: events.map((event) => event.version), duplicate }
  })
}

function toLoad({ stream, atVersion }: { stream: string; atVersion: bigint }): Operation {
  return named(`load ${stream} at ${atVersion}`, async (store, run) => {
    const { state, version } = await store.load(Account, `${run}-${stream}`, { atVersion })
    return { state, version }
  })
}

function toRead(stream: string): Operation {
  return named(`read ${stream}`, async (store, run) => {
    const events = await store.readStream(`account-${run}-${stream}`, { direction: 'backwards', limit: 3 })
    return events.map(({ version, type, data }) => ({ version, type, data }))
  })
}

/** Gives an operation a text that a failing example is reported with. */
function named(text: string, act: Operation): Operation {
  return Object.assign(act, { [fc.toStringMethod]: () => text })
}

/** What came of a call: its value, or the class and the message of its error. */
export async function outcomeOf(operation: Operation, store: EventStorePort, run: string): Promise<unknown> {
  try {
    return { value: await operation(store, run) }
  } catch (error) {
    return { error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  }
}

/** Everything that the streams hold. */
export async function contentsOf(store: EventStorePort, run: string): Promise<unknown> {
  const contents = await Promise.all(
    ['a', 'b', 'c'].map(async (stream) => {
      const events = await store.readStream(`account-${run}-${stream}`)
      return events.map(({ version, data }) => ({ version, data }))
    }),
  )
  return contents
}
