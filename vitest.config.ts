import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))
const foldersIn = (parent: string) =>
  existsSync(`${root}${parent}`) ? readdirSync(`${root}${parent}`).map((name) => `${parent}/${name}`) : []

const workspaces = [...foldersIn('packages'), 'migrations', ...foldersIn('examples'), 'faults', 'benchmarks']

// A broker takes seconds to start, so only the projects that talk to one ask for it.
const usesKafka = (folder: string) => /^(packages\/(fanout|cli|test-servers)|examples\/.+|faults)$/.test(folder)

const conditions = ['@tidemark/source', 'node', 'development|production']

/** One project per workspace with tests; all of them share one Postgres and one Kafka per run. */
const projects = workspaces
  .filter((folder) => existsSync(`${root}${folder}/test`))
  .map((folder) => {
    const { name } = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8')) as { name: string }
    return {
      extends: true as const,
      root: `${root}${folder}`,
      test: {
        name,
        include: ['test/**/*.{unit,int,e2e,fault}.test.ts'],
        globalSetup: [
          `${root}packages/test-servers/src/global-setup.ts`,
          ...(usesKafka(folder) ? [`${root}packages/test-servers/src/global-setup-kafka.ts`] : []),
        ],
      },
    }
  })

export default defineConfig({
  // Packages of this repository are tested from their sources, so no build has to come first.
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['@tidemark/source', 'node'] } },
  test: {
    projects,
    pool: 'forks',
    // Real servers share the machine with the tests, which wait for them half of the time.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    reporters: ['default', `${root}packages/test-servers/src/plain-reporter.ts`],
  },
})
