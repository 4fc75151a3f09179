import type { Column, Row, RowKey } from '@tidemark/projections'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { LiveBatch } from '../src/read-models/live/live-batch.js'
import { LiveConnection } from '../src/read-models/live/live-connection.js'
import { RecentChanges } from '../src/read-models/live/recent-changes.js'
import { filterRows } from '../src/read-models/live/row-filter.js'

const column = (property: string, kind: Column['kind']): Column => ({
  ...{ property, column: property, kind, type: 'text', nullable: true, whenNull: 'null' },
})
const tag = '0123456789ab'

/** A connection whose client reads everything, and what was written to it. */
function connect(through: bigint, key?: RowKey): { connection: LiveConnection; text: () => string } {
  let text = ''
  const response = { destroyed: false, write: (chunk: string) => Boolean((text += chunk)) } as unknown as ServerResponse
  const query = { key, filters: [], fields: [column('key', 'string')] }
  const connection = new LiveConnection(response, query, () => undefined)
  connection.through = through
  return { connection, text: () => text }
}
const changesOf = (...changes: (readonly [string, bigint])[]) => {
  const recent = new RecentChanges(0n, 1000)
  recent.append(changes.map(([key, position]) => ({ key, position })))
  return recent
}
function tellAll(
  recent: RecentChanges,
  connection: LiveConnection,
  end: bigint,
  rows = new Map<RowKey, Row>(),
): number {
  let turns = 0
  while (connection.through < end) {
    expect(++turns).toBeLessThan(100)
    const batch = new LiveBatch(recent, [connection], end)
    while (batch.tell(connection, rows, (position) => ({ position, tag })));
  }
  return turns
}
const idsOf = (text: string) => [...text.matchAll(/id: (\d+)-/g)].map(([, id]) => id)

describe('a batch of live rows', () => {
  test('gives a position as id only once every row is told that an event there changed', () => {
    const { connection, text } = connect(0n)
    tellAll(changesOf(['a', 5n], ['b', 5n], ['c', 5n], ['d', 7n], ['a', 9n]), connection, 12n)
    expect(text().match(/"key":"\w"/g)).toEqual(['"key":"b"', '"key":"c"', '"key":"d"', '"key":"a"'])
    expect(idsOf(text())).toEqual(['4', '5', '7', '9'])
    expect(connection.through).toBe(12n)
  })

  test('is cut where much is to be told, and goes on after it, with events that change many rows in one piece', () => {
    const wide = Array.from({ length: 450 }, (_, index) => [`w-${index}`, 3n] as const)
    const rest = Array.from({ length: 450 }, (_, index) => [`r-${index}`, BigInt(index + 4)] as const)
    const large = { key: 'x'.repeat(9000) }
    const rows = new Map<RowKey, Row>([...wide, ...rest].map(([key]) => [key, large]))
    const { connection, text } = connect(2n)
    expect(tellAll(changesOf(...wide, ...rest), connection, 453n, rows)).toBe(6)
    expect(idsOf(text())).toHaveLength(900)
    expect(connection.through).toBe(453n)
  })

  test('goes out piece by piece, and goes on where a client reads again with nothing lost', () => {
    const changes = Array.from({ length: 20 }, (_, index) => [`k-${index}`, BigInt(index + 1)] as const)
    const rows = new Map<RowKey, Row>(changes.map(([key]) => [key, { key: `${key} ${'x'.repeat(20_000)}` }]))
    let [text, most, room] = ['', 0, () => {}]
    const response = {
      destroyed: false,
      write: (chunk: string) => ((text += chunk), (most = Math.max(most, chunk.length)), false),
      once: (_event: string, drained: () => void) => (room = drained),
    } as unknown as ServerResponse
    const connection = new LiveConnection(
      response,
      { key: undefined, filters: [], fields: [column('key', 'string')] },
      () => undefined,
    )
    const recent = changesOf(...changes)
    for (let turn = 0; connection.through < 20n; turn++) {
      expect(turn).toBeLessThan(100)
      const before = text.length
      new LiveBatch(recent, [connection], 20n).tell(connection, rows, (position) => ({ position, tag }))
      expect(text.length - before).toBeLessThan(60_000)
      room()
    }
    expect(idsOf(text)).toEqual(changes.map(([, position]) => String(position)))
    expect(most).toBeGreaterThan(20_000)
  })

  test('passes what is remembered no longer on to nobody', () => {
    const recent = new RecentChanges(0n, 3)
    recent.append([1n, 2n, 3n, 4n, 5n].map((position) => ({ key: `k-${position}`, position })))
    expect(recent.since).toBe(2n)
    expect([...recent.after(recent.since).keys()]).toEqual(['k-3', 'k-4', 'k-5'])
    expect(recent.prepend([{ key: 'k-2', position: 2n }], 1n)).toBe(false)
  })
})

describe('a filter of live rows', () => {
  const meets = (kind: Column['kind'], operator: 'eq' | 'gte' | 'lt' | 'in', values: string[], value: unknown) =>
    filterRows([{ column: column('p', kind), operator, values }])({ p: value })

  test('compares as Postgres does', () => {
    expect(meets('string', 'eq', ['a'], 'a')).toBe(true)
    expect(meets('string', 'in', ['a', 'b'], 'b')).toBe(true)
    expect(meets('string', 'in', ['a', 'b'], 'c')).toBe(false)
    // U+1F600 comes after U+FF5E by its bytes, and before it by units of UTF-16.
    expect(meets('string', 'lt', ['\u{1F600}'], '\u{FF5E}')).toBe(true)
    expect(meets('number', 'gte', ['9'], 10)).toBe(true)
    expect(meets('int', 'eq', ['007'], 7)).toBe(true)
    expect(meets('bigint', 'gte', ['9007199254740993'], 9007199254740992n)).toBe(false)
    expect(meets('boolean', 'eq', ['false'], false)).toBe(true)
    expect(meets('date', 'eq', ['2026-01-01T00:00:00.000Z'], new Date('2026-01-01T01:00:00+01:00'))).toBe(true)
    expect(meets('date', 'lt', ['2026-01-01T00:00:00.000Z'], new Date('2026-01-02'))).toBe(false)
    for (const kind of ['string', 'number', 'date'] as const) expect(meets(kind, 'lt', ['9'], null)).toBe(false)
  })
})
