import { ESLint } from 'eslint'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import tseslint from 'typescript-eslint'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')

// The files under test do not exist, so they are linted without types; the rules meant here need none.
const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: join(root, 'eslint.config.js'),
  overrideConfig: [tseslint.configs.disableTypeChecked],
})

/** The ids of the rules that a file of this name and content breaks. */
async function lint(path: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, path) })
  expect(result?.messages.filter((message) => message.fatal)).toEqual([])
  return (result?.messages ?? []).map((message) => message.ruleId ?? 'none')
}

const use = (specifier: string): string => `import { thing } from '${specifier}'\nthing()\n`
const source = (workspace: string): string => `${workspace}/src/made-up.ts`
const test_ = (workspace: string): string => `${workspace}/test/made-up.unit.test.ts`

const forbidden: [path: string, specifier: string][] = [
  ...['projections', 'fanout', 'api', 'cli', 'migrations', 'testing', 'test-servers'].map((name): [string, string] => [
    source('packages/eventstore'),
    `@tidemark/${name}`,
  ]),
  [source('packages/projections'), '@tidemark/fanout'],
  [source('packages/projections'), '@tidemark/api'],
  [source('packages/fanout'), '@tidemark/projections'],
  [source('packages/api'), '@tidemark/fanout'],
  [source('packages/api'), '@tidemark/cli'],
  [source('packages/cli'), '@tidemark/testing'],
  [source('packages/testing'), '@tidemark/projections'],
  [source('packages/test-servers'), '@tidemark/eventstore'],
  [source('packages/console'), '@tidemark/api'],
  [source('packages/not-in-the-table'), '@tidemark/eventstore'],
  [source('migrations'), '@tidemark/eventstore'],
  [source('migrations'), '@tidemark/test-servers'],
  [test_('packages/test-servers'), '@tidemark/migrations'],
  [test_('migrations'), '@tidemark/eventstore'],
  [test_('packages/eventstore'), '@tidemark/testing'],
  [test_('packages/eventstore'), '@tidemark/projections'],
  [source('packages/api'), '@tidemark/eventstore/src/index.js'],
  [source('faults'), '@tidemark/eventstore/dist/index.js'],
  [source('packages/api'), '../../eventstore/src/index.js'],
  [source('faults'), '../../packages/eventstore/src/index.js'],
  [source('packages/eventstore'), 'kafkajs'],
  [source('packages/cli'), 'kafkajs'],
  [source('packages/cli'), '@platformatic/kafka'],
  [source('examples/order-aggregate'), 'kafkajs'],
  [source('packages/cli'), 'fastify'],
  [source('examples/order-aggregate'), 'fastify'],
  [source('packages/projections'), '@fastify/swagger'],
  [source('packages/cli'), 'postgres-migrations'],
]

const allowed: [path: string, specifier: string][] = [
  [source('packages/projections'), '@tidemark/eventstore'],
  [source('packages/fanout'), '@tidemark/eventstore'],
  [source('packages/api'), '@tidemark/projections'],
  [source('packages/cli'), '@tidemark/migrations'],
  [source('packages/testing'), '@tidemark/fanout'],
  [source('faults'), '@tidemark/test-servers'],
  [source('benchmarks'), 'kafkajs'],
  [source('examples/order-aggregate'), '@tidemark/cli'],
  [source('packages/fanout'), 'kafkajs'],
  [source('packages/api'), '@fastify/swagger'],
  [source('packages/eventstore'), './other.js'],
  [test_('packages/eventstore'), '@tidemark/migrations'],
  [test_('packages/eventstore'), '../src/index.js'],
  [test_('packages/projections'), '@tidemark/testing'],
  [test_('packages/cli'), 'kafkajs'],
  [test_('migrations'), '@tidemark/test-servers'],
]

describe('import directions', () => {
  test.each(forbidden)('%s must not import %s', async (path, specifier) => {
    expect(await lint(path, use(specifier))).toContain('tidemark/import-direction')
  })

  test.each(allowed)('%s may import %s', async (path, specifier) => {
    expect(await lint(path, use(specifier))).not.toContain('tidemark/import-direction')
  })

  test.each([
    ['a type', `import type { Thing } from '@tidemark/api'\nexport type Other = Thing\n`],
    ['an inline type', `export type Other = import('@tidemark/api').Thing\n`],
    ['a re-export', `export { thing } from '@tidemark/api'\n`],
    ['a star', `export * from '@tidemark/api'\n`],
    ['a dynamic import', `export const thing = await import('@tidemark/api')\n`],
    ['a side effect', `import '@tidemark/api'\n`],
  ])('hold for %s too', async (_form, code) => {
    expect(await lint(source('packages/eventstore'), code)).toContain('tidemark/import-direction')
  })
})

describe('the process', () => {
  const reads = ['process.env.HOME', 'process.argv[2]', 'process["env"]']

  test.each(reads)('%s is read by programs only', async (expression) => {
    const code = `export const value = ${expression}\n`
    for (const path of [source('packages/eventstore'), source('packages/api'), source('examples/order-aggregate')]) {
      expect(await lint(path, code), path).toContain('no-restricted-properties')
    }
    const programs = [
      source('packages/cli'),
      source('faults'),
      'packages/eventstore/src/failpoint.ts',
      'examples/order-aggregate/src/main.ts',
      test_('packages/api'),
    ]
    for (const path of programs) expect(await lint(path, code), path).not.toContain('no-restricted-properties')
  })

  test('has no way round', async () => {
    const path = source('packages/eventstore')
    expect(await lint(path, `const { env } = process\nexport const value = env.HOME\n`)).toContain(
      'no-restricted-properties',
    )
    expect(await lint(path, `import { env } from 'node:process'\nexport const value = env.HOME\n`)).toContain(
      'no-restricted-imports',
    )
  })
})

describe('house style', () => {
  test('no `export *`, no left-over markers, no console, no long files', async () => {
    const path = source('packages/eventstore')
    expect(await lint(path, `export * from './other.js'\n`)).toContain('no-restricted-syntax')
    expect(await lint(path, `// ${'TO' + 'DO'}: later\nexport {}\n`)).toContain('no-warning-comments')
    expect(await lint(path, `console.log('hello')\n`)).toContain('no-console')
    expect(await lint(path, `export const a = 1\n`.repeat(1) + '// line\n'.repeat(400))).toContain('max-lines')
  })

  test('no `any`, and no `!` outside tests', async () => {
    const path = source('packages/eventstore')
    expect(await lint(path, `export const a: any = 1\n`)).toContain('@typescript-eslint/no-explicit-any')
    const bang = `export const first = (list: number[]) => list[0]!\n`
    expect(await lint(path, bang)).toContain('@typescript-eslint/no-non-null-assertion')
    expect(await lint(test_('packages/eventstore'), bang)).not.toContain('@typescript-eslint/no-non-null-assertion')
  })

  test('types are imported as types', async () => {
    const code = `import { Thing } from './thing.js'\nexport type Other = Thing\n`
    expect(await lint(source('packages/eventstore'), code)).toContain('@typescript-eslint/consistent-type-imports')
  })

  test.each(['test.only', 'it.skip', 'describe.skip', 'test.todo'])('no %s', async (call) => {
    expect(await lint(test_('packages/eventstore'), `${call}('name', () => {})\n`)).toContain('no-restricted-syntax')
  })

  test('what is imported is declared', async () => {
    expect(await lint(source('packages/eventstore'), use('fast-check'))).toContain(
      'import-x/no-extraneous-dependencies',
    )
    expect(await lint(source('packages/eventstore'), use('uuid'))).not.toContain('import-x/no-extraneous-dependencies')
    expect(await lint(test_('packages/eventstore'), use('fast-check'))).not.toContain(
      'import-x/no-extraneous-dependencies',
    )
  })
})

test('import cycles are found', async () => {
  // Any real file that another one imports: linted with a content that imports that one back, it closes a circle.
  const folder = join(root, 'packages/test-servers/src')
  const [importer, imported] = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('index.ts'))
    .flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/^import \{.* from '(\.[^']+)\.js'/gm)].map(
        ([, specifier]) => [join(folder, name), join(folder, name, '..', `${specifier}.ts`)] as const,
      ),
    )
    .find(([, target]) => existsSync(target))!
  const [result] = await eslint.lintText(`import '${importer.replace(/\.ts$/, '.js')}'\n`, { filePath: imported })
  expect(result?.messages.map((message) => message.ruleId)).toContain('import-x/no-cycle')
})
