/** What the files of a new project depend on. */
export interface ProjectFacts {
  /** The package's name. */
  readonly name: string
  /** The version of the command, and so of our packages. */
  readonly version: string
  /** How scripts are run: `npm run`, `pnpm`, … */
  readonly run: string
  /** How packages are installed. */
  readonly install: string
}

/** The files of a new project by their paths, with forward slashes: an aggregate, a read model, a test, and what they need to run. */
export function projectFiles(facts: ProjectFacts): Readonly<Record<string, string>> {
  return {
    'package.json': packageJson(facts),
    'tsconfig.json': tsconfigJson,
    '.gitignore': 'node_modules/\n.tidemark/\n.env\n',
    'tidemark.config.ts': config,
    'src/task.ts': aggregate,
    'src/task-list.ts': projection,
    'test/task.test.ts': test,
    'README.md': readme(facts),
  }
}

function packageJson({ name, version }: ProjectFacts): string {
  const ours = (names: readonly string[]) =>
    Object.fromEntries(names.map((each) => [`@tidemark/${each}`, `^${version}`]))
  const content = {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=20.19' },
    scripts: { dev: 'tidemark dev', start: 'tidemark start', test: 'vitest run', typecheck: 'tsc' },
    dependencies: { ...ours(['cli', 'eventstore', 'projections']), pg: '^8.18.0', zod: '^4.0.0' },
    devDependencies: { ...ours(['testing']), '@types/node': '^20.19.0', typescript: '^6.0.0', vitest: '^4.0.0' },
  }
  return `${JSON.stringify(content, null, 2)}\n`
}

const tsconfigJson = `{
  "compilerOptions": {
    "target": "ES2023",
    "module": "NodeNext",
    "types": ["node"],
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["src", "test", "tidemark.config.ts"]
}
`

const aggregate = `import { defineAggregate, event, reject } from '@tidemark/eventstore'
import { z } from 'zod'

export interface TaskState {
  readonly status: 'new' | 'open' | 'done'
}

export const Task = defineAggregate({
  name: 'task',
  initialState: (): TaskState => ({ status: 'new' }),
  events: {
    TaskAdded: event(z.object({ title: z.string() })),
    TaskDone: event(z.object({})),
  },
  evolve: {
    TaskAdded: () => ({ status: 'open' }),
    TaskDone: () => ({ status: 'done' }),
  },
  commands: (command) => ({
    add: command(z.object({ title: z.string().min(1).max(200) }), (state, data) =>
      state.status === 'new' ? { type: 'TaskAdded', data } : reject('task-exists', 'the task was added before'),
    ),
    finish: command(z.object({}), (state) =>
      state.status === 'open' ? { type: 'TaskDone', data: {} } : reject('task-not-open', \`the task is \${state.status}\`),
    ),
  }),
})
`

const projection = `import { defineProjection } from '@tidemark/projections'
import { z } from 'zod'
import { Task } from './task.js'

export const taskList = defineProjection({
  name: 'task-list',
  version: 1,
  schema: z.object({
    taskId: z.string(),
    title: z.string(),
    status: z.enum(['open', 'done']),
    addedAt: z.date(),
  }),
  key: 'taskId',
  on: [
    Task,
    {
      TaskAdded: (_row, { aggregateId, data, recordedAt }) => ({
        taskId: aggregateId,
        title: data.title,
        status: 'open' as const,
        addedAt: recordedAt,
      }),
      TaskDone: (row) => row && { ...row, status: 'done' as const },
    },
  ],
  api: { filter: { status: ['eq'] }, sort: ['addedAt'] },
})
`

const config = `import { defineConfig } from '@tidemark/cli'
import { taskList } from './src/task-list.js'
import { Task } from './src/task.js'

export default defineConfig({
  aggregates: [Task],
  projections: [taskList],
  // Demo data of \`tidemark dev\`; the id of a command lets it be sent again.
  seed: (store) =>
    store.execute(Task, 't-1', 'add', { title: 'read the README' }, { commandId: '01941f2b-50c0-7000-8000-000000000001' }),
  tryThese: (url) => [
    \`curl -s \${url}/v1/task/t-2/add -H 'Content-Type: application/json' -d '{"title": "write a test"}'\`,
    \`curl -s '\${url}/v1/task-list?status=open&sort=-addedAt'\`,
    'npx tidemark streams state task-t-1',
  ],
})
`

const test = `import { given } from '@tidemark/testing'
import { describe, it } from 'vitest'
import { Task } from '../src/task.js'

const added = { type: 'TaskAdded', data: { title: 'water the plants' } } as const

describe('a task', () => {
  it('is added once', () => {
    given(Task).when('add', added.data).then(added)
    given(Task, added).when('add', added.data).thenRejected('task-exists')
  })

  it('is done once', () => {
    given(Task, added).when('finish', {}).then({ type: 'TaskDone', data: {} }).thenState({ status: 'done' })
    given(Task).when('finish', {}).thenRejected('task-not-open')
  })
})
`

function readme({ name, run, install }: ProjectFacts): string {
  return `# ${name}

\`\`\`sh
${install}
${run} dev
\`\`\`

That starts a Postgres of its own, the API at <http://127.0.0.1:4400/v1> with its pages at <http://127.0.0.1:4400/docs>, and prints what to try.
\`${run} test\` runs the tests, \`${run} typecheck\` the compiler.

| Where                | What                                                                |
| -------------------- | ------------------------------------------------------------------- |
| \`src/task.ts\`        | an aggregate: its events, what they change, and which commands it takes |
| \`src/task-list.ts\`   | a projection: rows that follow the events, and how they are queried |
| \`test/task.test.ts\`  | given events, when a command comes, then this follows               |
| \`tidemark.config.ts\` | what is run                                                         |

In production: \`DATABASE_URL=… npx tidemark db migrate\`, then \`DATABASE_URL=… ${run} start\`. \`npx tidemark doctor\` says what is missing.
`
}
