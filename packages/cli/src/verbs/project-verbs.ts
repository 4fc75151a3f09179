import type { Verb } from './verb.js'

/** Verbs that make, run and describe a project. */
export const projectVerbs: readonly Verb[] = [
  {
    path: 'init',
    summary: 'write a new project that runs: an aggregate, a read model and a test',
    examples: ['init my-shop', 'init'],
    load: async () => (await import('../commands/init.js')).configureInit,
  },
  {
    path: 'dev',
    summary: 'run everything on a Postgres of its own (or DATABASE_URL), with demo data: for development',
    examples: ['dev', 'dev --kafka --reset'],
    load: async () => (await import('../commands/dev.js')).configureDev,
  },
  {
    path: 'start',
    summary: 'run the API, the projections, the bridges and the consumers until it is told to stop',
    examples: ['start', 'start --only projections,bridge --log-level warn'],
    load: async () => (await import('../commands/start.js')).configureStart,
  },
  {
    path: 'doctor',
    summary: 'check the database, the log, what follows it, and Kafka; ends with 3 when something is unhealthy',
    examples: ['doctor', 'doctor -o json', 'doctor --watch --interval 10'],
    load: async () => (await import('../commands/doctor.js')).configureDoctor,
  },
  {
    path: 'openapi',
    summary: 'the OpenAPI document of the API, or a typed client of it; needs neither a database nor a port',
    examples: [
      'openapi --file openapi.json',
      'openapi --client ts --server https://shop.example --file src/shop-client.ts',
    ],
    load: async () => (await import('../commands/openapi.js')).configureOpenapi,
  },
  {
    path: 'config print',
    summary: 'what flags, environment and configuration file come to; passwords are left out',
    examples: ['config print', 'config print -o json'],
    load: async () => (await import('../commands/config-print.js')).configureConfigPrint,
  },
  {
    path: 'completion',
    summary: 'what a shell reads to complete this command with the tab key',
    examples: [
      'completion bash > ~/.local/share/bash-completion/completions/tidemark',
      'completion fish > ~/.config/fish/completions/tidemark.fish',
    ],
    load: async () => (await import('../commands/completion.js')).configureCompletion,
  },
]
