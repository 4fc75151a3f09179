import { runInNewContext } from 'node:vm'
import { defineAggregate, event, type RecordedEvent } from '@tidemark/eventstore'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { History } from '../src/export/history-of.js'
import { htmlExport } from '../src/export/html-export.js'
import { literal } from '../src/export/literal.js'
import { vitestExport } from '../src/export/vitest-export.js'
import { causationTree, treeLines } from '../src/history/trace.js'

const Note = defineAggregate({
  name: 'note',
  initialState: () => ({ texts: [] as string[] }),
  events: { Written: event(z.object({ text: z.string(), length: z.int() })) },
  evolve: { Written: (state, { data }) => ({ texts: [...state.texts, data.text] }) },
  commands: (command) => ({
    write: command(z.object({ text: z.string() }), (state, { text }) =>
      state.texts.length === 0 ? { type: 'Written', data: { text, length: text.length } } : [],
    ),
  }),
})

const nasty = `</script><script>alert(1)</script><img src=x onerror="alert('2')">&amp;`

function written(version: number, text: string, metadata: RecordedEvent['metadata'] = {}): RecordedEvent {
  return {
    ...{ position: BigInt(version), id: `id-${version}`, streamId: 'note-<b>1', category: 'note', aggregateId: '<b>1' },
    ...{ version: BigInt(version), type: 'Written', schemaVersion: 1, data: { text, length: text.length } },
    ...{ metadata, recordedAt: new Date(version * 61_000) },
  }
}

function historyOf(...texts: string[]): History {
  const steps = texts.map((text, index) => ({
    event: written(index + 1, text),
    state: { texts: texts.slice(0, index + 1) },
    changes: [{ path: `/texts/${index}`, change: 'added' as const, after: text }],
  }))
  const trace = causationTree(steps.map((step) => step.event))
  return { streamId: 'note-<b>1', aggregate: Note, steps, trace }
}

describe('a page', () => {
  it('shows what events say as text', () => {
    const page = htmlExport(historyOf(nasty, nasty))
    expect(page).not.toMatch(/<script|<img|<b>1/)
    expect(page).toContain('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page).toContain('&amp;amp;')
  })

  it('loads nothing, and runs nothing', () => {
    const page = htmlExport(historyOf('a'))
    expect(page).toMatch(
      /Content-Security-Policy" content="default-src &#39;none&#39;; style-src &#39;sha256-[^"]+; base-uri/,
    )
    expect(page).not.toMatch(/\b(src|href|action|style|on\w+)=|url\(|@import/)
  })
})

describe('a test', () => {
  it('tries the commands for the one that decides on the last events', () => {
    const text = vitestExport(historyOf("it's"), { configuration: './tidemark.config.js' })
    expect(text).toContain(`.when('write', { text: 'it\\'s' })`)
    expect(text).toContain(`.then({ type: 'Written', data: { text: 'it\\'s', length: 4 } })`)
    expect(text).toContain(`.thenState({ texts: ['it\\'s'] })`)
  })

  it('says so where there is none', () => {
    const text = vitestExport(historyOf('a', 'b'), { configuration: './tidemark.config.js' })
    expect(text).not.toContain('    .when(')
    expect(text).toContain('none was found that decides on the last event')
    expect(text).toContain(`.thenState({ texts: ['a', 'b'] })`)
  })
})

describe('literals', () => {
  it.each([
    [{ a: 1, 'b-c': [null, true], "it's": '\n"\\' }],
    [JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}')],
    [['\u2028', "'", '\\', '`${x}`', '</script>', 'x'.repeat(200), { deep: ['y'.repeat(100)] }]],
  ])('mean what they were made of: %j', (value) => {
    const meant: unknown = runInNewContext(`(${literal(value)})`)
    expect(JSON.stringify(meant)).toBe(JSON.stringify(value))
  })
})

describe('a causation tree', () => {
  const lines = (...events: RecordedEvent[]) => treeLines(causationTree(events), ({ id }) => id)

  it('puts effects under their causes, and events of one command together', () => {
    expect(
      lines(
        written(1, '', { causationId: 'c' }),
        written(2, '', { causationId: 'c' }),
        written(3, '', { causationId: 'id-1' }),
        written(4, '', { causationId: 'id-3' }),
        written(5, ''),
      ),
    ).toEqual([
      'caused by c',
      '  - id-1',
      '    - id-3',
      '      - id-4',
      '  - id-2',
      'without a known cause',
      '  - id-5',
    ])
  })

  it('is not caught in causes that go in a circle', () => {
    expect(lines(written(1, '', { causationId: 'id-2' }), written(2, '', { causationId: 'id-1' }))).toEqual([
      'caused by id-2',
      '  - id-1',
      '    - id-2',
    ])
  })
})
