import type { Verb } from './verb.js'

/** Verbs that work through the admin API of a server. */
export const operationVerbs: readonly Verb[] = [
  {
    path: 'operations list',
    summary: 'what a server was asked to do, the newest first',
    examples: ['operations list --server http://127.0.0.1:4400', 'operations list --status running -o json'],
    load: async () => (await import('../commands/operations-list.js')).configureOperationsList,
  },
  {
    path: 'operations show',
    summary: 'how far an operation is, who asked for it and why',
    examples: ['operations show 0195a3b0-5d1e-7c3a-9d0a-2f6f1d3c8e11'],
    load: async () => (await import('../commands/operations-show.js')).configureOperationsShow,
  },
  {
    path: 'operations wait',
    summary: 'follow an operation to its end; fails with it, and after Ctrl-C it goes on in the server',
    examples: ['operations wait 0195a3b0-5d1e-7c3a-9d0a-2f6f1d3c8e11'],
    load: async () => (await import('../commands/operations-wait.js')).configureOperationsWait,
  },
  {
    path: 'operations cancel',
    summary: 'ask for the end of an operation, at the next place at which it can end',
    examples: ["operations cancel 0195a3b0-5d1e-7c3a-9d0a-2f6f1d3c8e11 --reason 'wrong projection'"],
    load: async () => (await import('../commands/operations-cancel.js')).configureOperationsCancel,
  },
]
