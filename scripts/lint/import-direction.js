import { dirname, resolve } from 'node:path'
import { locate } from './workspaces.js'

const anything = '*'

/** Which of our packages the sources of a workspace may import; see the map of packages in CONTRIBUTING.md. */
const directions = {
  'packages/eventstore': [],
  'packages/projections': ['eventstore'],
  'packages/fanout': ['eventstore'],
  'packages/api': ['projections', 'eventstore'],
  'packages/cli': ['api', 'projections', 'fanout', 'eventstore', 'migrations'],
  'packages/create-tidemark': ['cli'],
  'packages/testing': ['eventstore', 'fanout'],
  'packages/console': [],
  'packages/test-servers': [],
  migrations: [],
  benchmarks: anything,
  faults: anything,
}

/** What tests may import besides. These few get less, because those packages depend on them and turbo refuses a circle. */
const testHelpers = ['test-servers', 'migrations', 'testing']
const testHelpersOf = {
  'packages/test-servers': [],
  migrations: ['test-servers'],
  'packages/eventstore': ['test-servers', 'migrations'],
  'packages/fanout': ['test-servers', 'migrations', 'projections'],
}

/** Libraries that one package wraps, so that their traps and their types stay behind its door. */
const wrapped = [
  {
    name: /^(kafkajs|@platformatic\/kafka|@confluentinc\/kafka-javascript|node-rdkafka)(\/|$)/,
    home: ['packages/fanout', 'packages/test-servers', 'faults', 'benchmarks'],
    alsoInTests: true,
    reason: 'only packages/fanout talks to Kafka',
  },
  {
    name: /^(fastify|fastify-plugin|@fastify\/[^/]+|light-my-request)(\/|$)/,
    home: ['packages/api', 'benchmarks'],
    alsoInTests: false,
    reason: 'only packages/api speaks HTTP',
  },
  {
    name: /^postgres-migrations(\/|$)/,
    home: ['migrations'],
    alsoInTests: false,
    reason: 'only migrations runs postgres-migrations',
  },
]

function isTest(inside) {
  return /^test\//.test(inside) || /\.(test|test-d)\.[jt]sx?$/.test(inside)
}

function allowedFor(workspace, inTest) {
  if (workspace === '.' || workspace.startsWith('examples/')) return anything
  const sources = directions[workspace]
  if (sources === undefined || sources === anything || !inTest) return sources
  const self = workspace.split('/').at(-1)
  return [...sources, self, ...(testHelpersOf[workspace] ?? testHelpers)]
}

/** Returns what is wrong with one import, or undefined. */
export function judgeImport(fileName, specifier) {
  const { workspace, inside } = locate(fileName)
  const inTest = isTest(inside)

  if (specifier.startsWith('.') || specifier.startsWith('/')) {
    if (workspace === '.') return undefined
    const target = locate(resolve(dirname(fileName), specifier)).workspace
    return target === workspace
      ? undefined
      : `"${specifier}" leaves ${workspace}: import the other package by its name and public exports`
  }

  const own = /^@tidemark\/([^/]+)(\/.*)?$/.exec(specifier)
  if (own) {
    const [, name, subpath = ''] = own
    if (/^\/(src|dist)(\/|$)/.test(subpath)) {
      return `"${specifier}" reaches inside @tidemark/${name}: import its public exports`
    }
    const allowed = allowedFor(workspace, inTest)
    if (allowed === undefined) {
      return `${workspace} has no import directions: add it to scripts/lint/import-direction.js`
    }
    if (allowed === anything || allowed.includes(name)) return undefined
    const list = allowed.length === 0 ? 'none of our packages' : `only ${allowed.join(', ')}`
    return `${workspace} must not import @tidemark/${name}${inTest ? ' in its tests' : ''}: it may import ${list}`
  }

  const wrap = wrapped.find(({ name }) => name.test(specifier))
  if (wrap === undefined || wrap.home.includes(workspace) || (inTest && wrap.alsoInTests)) return undefined
  return `${workspace} must not import "${specifier}": ${wrap.reason}`
}

/** An ESLint rule that keeps every import, static or dynamic, of types or values, within the directions above. */
export const importDirection = {
  meta: { type: 'problem', schema: [], messages: { direction: '{{problem}}' } },
  create(context) {
    const check = (source) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return
      const problem = judgeImport(context.filename, source.value)
      if (problem) context.report({ node: source, messageId: 'direction', data: { problem } })
    }
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument?.literal),
      'CallExpression[callee.name="require"]': (node) => check(node.arguments[0]),
    }
  },
}
