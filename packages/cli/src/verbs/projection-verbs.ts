import type { Verb } from './verb.js'

/** Verbs on read models, and on what projections could not handle. */
export const projectionVerbs: readonly Verb[] = [
  {
    path: 'projections list',
    summary: 'how far each projection has come, and what holds it up; ends with 3 when one has failed',
    examples: ['projections list', 'projections list --max-lag 1000 -o json | jq ".data[] | select(.stall)"'],
    load: async () => (await import('../commands/projections-list.js')).configureProjectionsList,
  },
  {
    path: 'projections show',
    summary: 'all that is known of a projection, with its tables and their shards; ends with 3 when it has failed',
    examples: ['projections show order-summary'],
    load: async () => (await import('../commands/projections-show.js')).configureProjectionsShow,
  },
  {
    path: 'projections pause',
    summary: 'let a projection stand still, whichever process runs it, until it is resumed',
    examples: ['projections pause order-summary --reason "the warehouse sends events twice"'],
    load: async () => (await import('../commands/projections-pause.js')).configureProjectionsPause,
  },
  {
    path: 'projections resume',
    summary: 'let a projection go on that was paused, or that stopped at an event, which is tried again at once',
    examples: ['projections resume order-summary'],
    load: async () => (await import('../commands/projections-resume.js')).configureProjectionsResume,
  },
  {
    path: 'projections rebuild',
    summary: 'build a read model anew beside the live one, then switch; readers and writers go on meanwhile',
    examples: [
      'projections rebuild order-summary --workers 4',
      'projections rebuild order-summary --no-promote --share 0.5',
    ],
    load: async () => (await import('../commands/projections-rebuild.js')).configureProjectionsRebuild,
  },
  {
    path: 'projections diff',
    summary: 'compare the live table with the one that was built beside it, row by row, at one position',
    examples: ['projections diff order-summary', 'projections diff order-summary --max-changed 100 -o json'],
    load: async () => (await import('../commands/projections-diff.js')).configureProjectionsDiff,
  },
  {
    path: 'projections promote',
    summary: 'make the table live that `rebuild --no-promote` has built; the one that was live is kept',
    examples: ['projections promote order-summary --yes'],
    load: async () => (await import('../commands/projections-promote.js')).configureProjectionsPromote,
  },
  {
    path: 'projections rollback',
    summary: 'make the table live again that was live before; run again, it takes that back',
    examples: ['projections rollback order-summary --yes'],
    load: async () => (await import('../commands/projections-rollback.js')).configureProjectionsRollback,
  },
  {
    path: 'projections replay',
    summary:
      'feed a part of the log again: to a read model in memory, to a handler in transactions that are rolled back',
    examples: [
      'projections replay order-summary --since 2026-03-01T00:00:00Z',
      'projections replay welcome-mails --stream customer-c-7 --side-effects --yes',
    ],
    load: async () => (await import('../commands/projections-replay.js')).configureProjectionsReplay,
  },
  {
    path: 'projections verify',
    summary: 'fold rows again from the log and compare; ends with 3 when some have drifted and were not healed',
    examples: [
      'projections verify order-summary --sample 500',
      'projections verify order-summary --keys o-42,o-43 --heal',
    ],
    load: async () => (await import('../commands/projections-verify.js')).configureProjectionsVerify,
  },
  {
    path: 'blame',
    summary: 'which event gave each value of a row, by the log and the handlers of today',
    examples: ['blame order-summary o-42'],
    load: async () => (await import('../commands/blame.js')).configureBlame,
  },
  {
    path: 'dlq list',
    summary: 'what projections failed at and set aside: alike failures together, or each event',
    examples: ['dlq list', 'dlq list --projection order-summary --events'],
    load: async () => (await import('../commands/dlq-list.js')).configureDlqList,
  },
  {
    path: 'dlq show',
    summary: 'one parked event: what it met and where, and what it holds up',
    examples: ['dlq show order-summary 4711'],
    load: async () => (await import('../commands/dlq-show.js')).configureDlqShow,
  },
  {
    path: 'dlq try',
    summary: 'run a parked event through the code of today, changing nothing; ends with 3 when it fails still',
    examples: ['dlq try order-summary 4711'],
    load: async () => (await import('../commands/dlq-try.js')).configureDlqTry,
  },
  {
    path: 'dlq retry',
    summary: 'handle parked events again, and those that wait for them; ends with 3 when some fail still',
    examples: ['dlq retry order-summary --position 4711', 'dlq retry order-summary --fingerprint 3f2a9c1e'],
    load: async () => (await import('../commands/dlq-retry.js')).configureDlqRetry,
  },
  {
    path: 'dlq skip',
    summary: 'leave parked events out for good, and handle those that wait for them',
    examples: ['dlq skip order-summary --position 4711 --reason "an order of a test"'],
    load: async () => (await import('../commands/dlq-retry.js')).configureDlqSkip,
  },
]
