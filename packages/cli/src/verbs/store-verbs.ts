import type { Verb } from './verb.js'

/** Verbs on the database, and on what the whole log is made of. */
export const storeVerbs: readonly Verb[] = [
  {
    path: 'db migrate',
    summary: 'bring the schema to the newest migration; safe to run again, and by several at once',
    examples: ['db migrate', 'db migrate --tenancy'],
    load: async () => (await import('../commands/db-migrate.js')).configureDbMigrate,
  },
  {
    path: 'db status',
    summary: 'the migration that the schema is at, and how far the log goes; ends with 3 where migrations are missing',
    examples: ['db status -o json'],
    load: async () => (await import('../commands/db-status.js')).configureDbStatus,
  },
  {
    path: 'db new-epoch',
    summary: 'go on after the log was restored to an earlier point: see the runbook in the operations guide',
    examples: ['db new-epoch --reason "restored to 12:00"'],
    load: async () => (await import('../commands/db-new-epoch.js')).configureDbNewEpoch,
  },
  {
    path: 'db import',
    summary: 'add the events of another table to the log; started again, it goes on where it was',
    examples: ['db import --query-file legacy-events.sql --dry-run'],
    load: async () => (await import('../commands/db-import.js')).configureDbImport,
  },
  {
    path: 'schemas list',
    summary: 'the schemas of events that releases registered, in the order in which they did',
    examples: ['schemas list --category order'],
    load: async () => (await import('../commands/schemas-list.js')).configureSchemasList,
  },
  {
    path: 'schemas check',
    summary: 'compare the schemas of events with those that were registered; ends with 4 where they do not fit',
    examples: ['schemas check', 'schemas check --register'],
    load: async () => (await import('../commands/schemas-check.js')).configureSchemasCheck,
  },
  {
    path: 'schemas diff',
    summary: 'show where the schemas of events differ from those that were registered, and whose reading that breaks',
    examples: ['schemas diff'],
    load: async () => (await import('../commands/schemas-diff.js')).configureSchemasDiff,
  },
  {
    path: 'subjects forget',
    summary: 'delete the key of one data subject, so that nobody can read its personal data any more',
    examples: ['subjects forget c-7 --reason "request 2026-114"'],
    load: async () => (await import('../commands/subjects-forget.js')).configureSubjectsForget,
  },
]
