import { describe, expect, test } from 'vitest'
import type { CheckName } from '../src/checks/check.js'
import { checkEvidence, checks } from '../src/checks/check-evidence.js'
import type { Entry } from '../src/history/entry.js'
import { toEvidence } from '../src/history/evidence.js'
import { doctored, goodHistory, ids } from './history-fixture.js'

const verdictOf = (history: readonly Entry[], required: readonly CheckName[] = []) =>
  checkEvidence(toEvidence(history), required)

const brokenIn = (history: readonly Entry[]) => verdictOf(history).violations.map(({ check }) => check)

test('a history that keeps all promises passes every check', () => {
  expect(verdictOf(goodHistory)).toEqual({ checked: checks.map(({ name }) => name), violations: [] })
})

test('a history without evidence fails what an experiment requires, and nothing else', () => {
  expect(verdictOf([])).toEqual({ checked: [], violations: [] })
  const [violation] = verdictOf([], ['I4']).violations
  expect(violation).toMatchObject({ check: 'I4', count: 1 })
  expect(violation?.examples[0]).toMatch(/nothing to check/)
})

test('only the first cases are kept, all are counted', () => {
  const history = doctored('event', () => undefined)
  expect(verdictOf(history).violations[0]).toMatchObject({ check: 'I1', count: 5 })
  const stranger: Entry[] = Array.from({ length: 9 }, (_, n) => event({ position: String(n + 10), id: `x${n}` }))
  const violation = verdictOf([...goodHistory, ...stranger]).violations.find(({ check }) => check === 'I2')!
  expect(violation).toMatchObject({ count: 9 })
  expect(violation.examples).toHaveLength(5)
})

const event = (changes: Partial<Extract<Entry, { kind: 'event' }>>): Entry => ({
  kind: 'event',
  position: '6',
  id: 'x',
  streamId: 's-3',
  version: '1',
  data: {},
  ...changes,
})

describe('each check finds the history that was doctored against it', () => {
  const cases: [CheckName, string, readonly Entry[]][] = [
    ['I1', 'an acknowledged event is gone', doctored('event', (e) => (e.id === ids[3] ? undefined : e))],
    ['I1', 'an event changed', doctored('event', (e) => (e.id === ids[3] ? { ...e, data: { n: 0 } } : e))],
    ['I1', 'an event is there twice', [...goodHistory, event({ id: ids[3]!, streamId: 's-2', version: '2' })]],
    ['I1', 'a caller was told another version', doctored('append', (e, n) => (n === 1 ? { ...e, version: '2' } : e))],
    [
      'I1',
      'an event is in another stream',
      doctored('event', (e) => (e.id === ids[3] ? { ...e, streamId: 's-9' } : e)),
    ],
    ['I2', 'a refused event is stored', [...goodHistory, event({ id: '00000000-0000-7000-8000-000000000009' })]],
    ['I2', 'nobody sent an event', [...goodHistory, event({})]],
    ['I3', 'a version is missing', doctored('event', (e) => (e.id === ids[2] ? undefined : e))],
    ['I3', 'versions come out of order', doctored('event', (e, n) => (n < 2 ? { ...e, position: String(2 - n) } : e))],
    ['I4', 'a reader skipped', doctored('read', (e, n) => (n === 0 ? { ...e, events: [] } : e))],
    [
      'I4',
      'a reader saw twice',
      doctored('read', (e, n) => (n === 1 ? { ...e, events: [e.events[0]!, ...e.events] } : e)),
    ],
    ['I4', 'a reader saw out of order', doctored('read', (e) => ({ ...e, events: e.events.toReversed() }))],
    [
      'I4',
      'a reader saw what is not there',
      doctored('read', (e, n) => (n === 1 ? { ...e, through: '6', events: [...e.events, ['6', 'x']] } : e)),
    ],
    [
      'I4',
      'a checkpoint went back',
      [...goodHistory, { kind: 'read', subscriber: 'r', atMs: 9, through: '3', events: [] }],
    ],
    ['I5', 'a position was given twice', [...goodHistory, event({ position: '5' })]],
    [
      'I5',
      'a reader saw another event at a position',
      doctored('read', (e, n) => (n === 1 ? { ...e, events: [['3', 'x']] } : e)),
    ],
    [
      'I5',
      'an effect came before its cause',
      doctored('event', (e) => (e.id === ids[3] ? { ...e, causationId: ids[4]! } : e)),
    ],
    ['I6', 'an event was counted twice', doctored('counter', (e) => ({ ...e, counts: { ...e.counts, 's-2': 2 } }))],
    ['I6', 'an event was not counted', doctored('counter', (e) => ({ ...e, checkpoint: '5' }))],
    ['I6', 'a row is from nowhere', doctored('counter', (e) => ({ ...e, counts: { ...e.counts, x: 1 } }))],
    ['I6', 'a marked row is served', doctored('counter', (e) => ({ ...e, parked: ['s-2'] }))],
    ['I7', 'a record is lost', doctored('record', (e) => (e.id === ids[3] ? undefined : e))],
    ['I7', 'the order of a key is broken', doctored('record', (e, n) => (n === 0 ? undefined : e))],
    ['I7', 'a record is no event', doctored('record', (e, n) => (n === 3 ? { ...e, id: 'x' } : e))],
    [
      'I7',
      'a record has the key of another',
      doctored('record', (e, n) => (n === 3 ? { ...e, key: 's-1', version: '9' } : e)),
    ],
    [
      'I7',
      'a record came before its predecessor',
      doctored('record', (e, n) => (n === 1 ? { ...e, version: '4' } : e)),
    ],
    ['I7', 'a key has two partitions', doctored('record', (e, n) => (n === 4 ? { ...e, partition: 1 } : e))],
    ['I7', 'a topic is empty', doctored('record', () => undefined)],
    ['I8', 'too many duplicates', doctored('bridge', (e) => ({ ...e, interruptions: 0 }))],
    ['I9', 'two won', doctored('append', (e) => (e.outcome === 'fail' ? { ...e, outcome: 'ok' } : e))],
    [
      'I9',
      'a conflict without a winner',
      doctored('append', (e) => (e.outcome === 'fail' ? { ...e, expectedVersion: '4' } : e)),
    ],
    ['I9', 'a winner at another version', doctored('append', (e, n) => (n === 1 ? { ...e, expectedVersion: '5' } : e))],
    ['I10', 'half of an append is stored', doctored('event', (e) => (e.id === ids[5] ? undefined : e))],
    [
      'I10',
      'half of a transaction is stored',
      [
        ...doctored('append', (e, n) => (n < 2 ? { ...e, batch: 'b' } : e)).filter((e) => e.kind !== 'event'),
        event({ id: ids[3]!, position: '3', streamId: 's-2' }),
      ],
    ],
    ['I10', 'an append was torn apart', doctored('event', (e) => (e.id === ids[5] ? { ...e, version: '5' } : e))],
    ['I10', 'a read ended inside an append', doctored('stream-read', (e) => ({ ...e, ids: e.ids.slice(0, 1) }))],
    ['I11', 'a snapshot is wrong', doctored('load', (e) => ({ ...e, loaded: { sum: 11 } }))],
    ['I12', 'the lag lasted', doctored('caught-up', (e) => ({ ...e, atMs: 31_001 }))],
    ['I12', 'the lag never went', doctored('caught-up', () => ({ kind: 'caught-up', subscriber: 'r' }))],
    ['requirements', 'a demand is not met', doctored('requirement', (e) => ({ ...e, actual: '2', met: false }))],
  ]
  test.each(cases)('%s: %s', (check, _, history) => expect(brokenIn(history)).toContain(check))

  test('every check has a case', () => {
    expect(new Set(cases.map(([check]) => check))).toEqual(new Set(checks.map(({ name }) => name)))
  })
})

test('an unknown outcome may be there or not', () => {
  const unknown = (history: readonly Entry[]) =>
    history.map((entry) => {
      if (entry.kind !== 'append' || entry.events[0]?.id !== ids[3]) return entry
      const { version: _, ...rest } = entry
      return { ...rest, outcome: 'unknown' } as const
    })
  expect(brokenIn(unknown(goodHistory))).toEqual([])
  const absent = unknown(goodHistory).filter(
    (entry) => !JSON.stringify(entry).includes(ids[3]!) || entry.kind === 'append',
  )
  expect(brokenIn(absent)).not.toContain('I1')
  expect(brokenIn(absent)).not.toContain('I2')
})

test('the same append again, acknowledged twice, is one winner', () => {
  const again = goodHistory.find((entry) => entry.kind === 'append')!
  expect(brokenIn([...goodHistory, again])).toEqual([])
})

describe('a topic whose number of partitions was changed once', () => {
  const moved = (history: readonly Entry[]) =>
    history.map((entry): Entry => (entry.kind === 'bridge' ? { ...entry, moves: 1 } : entry))
  const inPartition = (partition: number, isThere: (index: number) => boolean) =>
    moved(doctored('record', (e, n) => (isThere(n) ? { ...e, partition } : e)))

  test('may have newer events of a key in another partition', () => {
    expect(brokenIn(inPartition(1, (n) => n === 4))).toEqual([])
  })

  test('has no older events there', () => {
    expect(brokenIn(inPartition(1, (n) => n === 1))).toContain('I7')
  })
})

test('a topic that was made again begins where the old one ended', () => {
  const again = doctored('record', (e) => (e.version === '1' ? undefined : e)).map((entry): Entry =>
    entry.kind === 'bridge' ? { ...entry, after: '1' } : entry,
  )
  // Of the records that are gone, that of position 3 came after the end.
  expect(verdictOf(again).violations).toMatchObject([{ check: 'I7', count: 1 }])
  const complete = again.map((entry): Entry => (entry.kind === 'bridge' ? { ...entry, after: '3' } : entry))
  expect(brokenIn(complete)).toEqual([])
})
