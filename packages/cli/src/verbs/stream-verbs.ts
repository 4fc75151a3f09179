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
    path: 'streams truncate',
    summary: 'delete the first events of a stream; its aggregate goes on from its snapshot',
    examples: ['streams truncate order-o-42 --before 400 --archive o-42.ndjson --reason "older than ten years"'],
    load: async () => (await import('../commands/streams-truncate.js')).configureStreamsTruncate,
  },
]
