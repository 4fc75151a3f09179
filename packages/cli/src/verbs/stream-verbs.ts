import type { Verb } from './verb.js'

/** Verbs on streams and their events. */
export const streamVerbs: readonly Verb[] = [
  {
    path: 'streams list',
    summary: 'streams in the order of their ids, with their newest event',
    examples: ['streams list --category order --limit 20'],
    load: async () => (await import('../commands/streams-list.js')).configureStreamsList,
  },
  {
    path: 'streams show',
    summary: 'the events of one stream, with their data as it was stored',
    examples: ['streams show order-o-42', 'streams show order-o-42 --reverse --limit 1 -o json'],
    load: async () => (await import('../commands/streams-show.js')).configureStreamsShow,
  },
  {
    path: 'streams tail',
    summary: 'the last events of a stream, and those that come, until Ctrl-C',
    examples: ['streams tail order-o-42', 'streams tail order-o-42 --last 0 -o ndjson'],
    load: async () => (await import('../commands/streams-tail.js')).configureStreamsTail,
  },
  {
    path: 'streams state',
    summary: 'what the events made of an aggregate, now or at an earlier version or time',
    examples: [
      'streams state order-o-42',
      'streams state order-o-42 --at 3',
      'streams state order-o-42 --at 2026-03-01T12:00:00Z -o json',
    ],
    load: async () => (await import('../commands/streams-state.js')).configureStreamsState,
  },
  {
    path: 'streams diff',
    summary: 'what of the state has changed between two versions or times',
    examples: ['streams diff order-o-42 3..7', 'streams diff order-o-42 3..'],
    load: async () => (await import('../commands/streams-diff.js')).configureStreamsDiff,
  },
  {
    path: 'streams export',
    summary: 'the history of a stream as JSON, a test or a page, with what is declared personal replaced',
    examples: [
      'streams export order-o-42 --as vitest --at 7 --file test/o-42.test.ts',
      'streams export order-o-42 --as html --file o-42.html',
    ],
    load: async () => (await import('../commands/streams-export.js')).configureStreamsExport,
  },
  {
    path: 'streams truncate',
    summary: 'delete the first events of a stream; its aggregate goes on from its snapshot',
    examples: ['streams truncate order-o-42 --before 400 --archive o-42.ndjson --reason "older than ten years"'],
    load: async () => (await import('../commands/streams-truncate.js')).configureStreamsTruncate,
  },
  {
    path: 'events tail',
    summary: 'the newest events of the whole log, and those that come, until Ctrl-C',
    examples: ['events tail', 'events tail --category order --type OrderPlaced -o ndjson'],
    load: async () => (await import('../commands/events-tail.js')).configureEventsTail,
  },
  {
    path: 'events search',
    summary: 'events by type, data, conversation, actor or time; reads the log from --after on',
    examples: [
      'events search --type OrderPlaced --data customerId=c-7',
      'events search --actor alice --since 2026-03-01 -o json',
    ],
    load: async () => (await import('../commands/events-search.js')).configureEventsSearch,
  },
  {
    path: 'events trace',
    summary: 'what led to an event, and what it led to: the causation tree of its conversation',
    examples: ['events trace 0195a3b0-5d1e-7c3a-9d0a-2f6f1d3c8e11', 'events trace 4711 -o json'],
    load: async () => (await import('../commands/events-trace.js')).configureEventsTrace,
  },
]
