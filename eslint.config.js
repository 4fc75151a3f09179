import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import { createNodeResolver, importX } from 'eslint-plugin-import-x'
import { join } from 'node:path'
import tseslint from 'typescript-eslint'
import { importDirection } from './scripts/lint/import-direction.js'
import { listWorkspaces, repositoryRoot } from './scripts/lint/workspaces.js'

const typescript = ['**/*.{ts,tsx,mts}']
const javascript = ['**/*.{js,mjs}']
const tests = ['**/test/**', '**/*.test.ts']
const configuration = ['**/*.config.{ts,mts,js}']

/** Where a program starts, and so where arguments and the environment are read. Everything else takes options. */
const mayReadProcess = [
  ...tests,
  ...configuration,
  'scripts/**',
  'packages/cli/**',
  'packages/create-tidemark/**',
  'packages/test-servers/**',
  'packages/eventstore/src/failpoint.ts',
  'benchmarks/**',
  'faults/**',
  'examples/*/bin/**',
  'examples/*/src/{main,*-main}.ts',
]

const nodeGlobals = [
  ...['AbortController', 'AbortSignal', 'Buffer', 'TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'console'],
  ...['fetch', 'performance', 'process', 'queueMicrotask', 'structuredClone'],
  ...['clearImmediate', 'clearInterval', 'clearTimeout', 'setImmediate', 'setInterval', 'setTimeout'],
]

const exportStar = {
  selector: 'ExportAllDeclaration',
  message: 'List the exported names: `export *` makes every new name public by accident.',
}

const focusedOrSkipped = {
  selector: 'MemberExpression[object.name=/^(it|test|describe|suite)$/][property.name=/^(only|skip|todo|fails)$/]',
  message: 'Every test runs. Use skipIf/runIf with a condition that says what is missing.',
}

export default defineConfig(
  globalIgnores(['**/node_modules/', '**/dist/', '**/coverage/', '**/.turbo/', '**/.cache/', '**/.tidemark/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,

  {
    files: typescript,
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: repositoryRoot } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowRethrowing: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      // A promise-returning function is async even where it only throws: a caller then always gets a rejection.
      '@typescript-eslint/require-await': 'off',
      // Short forms that are clear: `return` of a call that returns nothing, and `void` to say that a value is dropped.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      // These three argue with flags that other tasks change while we await, with inference helpers, and with overloads
      // that are documented one by one.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/unified-signatures': 'off',
    },
  },
  {
    files: [...javascript, ...configuration],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, 'readonly'])) },
  },

  {
    files: [...typescript, ...javascript],
    plugins: { tidemark: { rules: { 'import-direction': importDirection } }, 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.tsx', '.js'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import-x/resolver-next': [
        createNodeResolver({
          conditionNames: ['@tidemark/source', 'types', 'import', 'node', 'default'],
          extensionAlias: { '.js': ['.ts', '.tsx', '.js'] },
        }),
      ],
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'] }],
      'no-restricted-syntax': ['error', exportStar],
      'tidemark/import-direction': 'error',
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'no-restricted-properties': [
        'error',
        ...['argv', 'env'].map((property) => ({
          object: 'process',
          property,
          message: 'Take it as an option: only programs read arguments and the environment.',
        })),
      ],
      'no-restricted-imports': [
        'error',
        ...['process', 'node:process'].map((name) => ({ name, message: 'Use the global, which lint can follow.' })),
      ],
    },
  },
  // What a package imports it declares, or it breaks where it is installed alone. Tests may also use the root's tools.
  ...listWorkspaces().flatMap((workspace) => {
    const packageDir = join(repositoryRoot, workspace)
    const rule = (options) => ({ 'import-x/no-extraneous-dependencies': ['error', { includeTypes: true, ...options }] })
    return [
      { files: [`${workspace}/{src,bin}/**`], rules: rule({ packageDir, devDependencies: false }) },
      { files: [`${workspace}/test/**`], rules: rule({ packageDir: [packageDir, repositoryRoot] }) },
    ]
  }),
  { files: ['**/src/**/*.{ts,tsx}'], rules: { 'max-lines': ['error', 400] } },
  { files: mayReadProcess, rules: { 'no-restricted-properties': 'off' } },
  { files: ['scripts/**', 'benchmarks/**', 'faults/**', 'examples/**', ...tests], rules: { 'no-console': 'off' } },
  {
    files: tests,
    rules: {
      'no-restricted-syntax': ['error', exportStar, focusedOrSkipped],
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Tests pick apart JSON of programs they do not share types with; a wrong guess fails the test itself.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  { files: ['**/test/types/**'], rules: { '@typescript-eslint/no-unused-vars': 'off' } },
)
