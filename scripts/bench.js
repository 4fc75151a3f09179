// Builds what the benchmarks need, quietly, and runs a suite: `npm run bench -- append --json`.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const build = spawnSync(
  process.execPath,
  [join(root, 'scripts/turbo.js'), 'run', 'build', '--output-logs=errors-only', '--filter=@tidemark/benchmarks'],
  {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  },
)
if (build.status !== 0) process.exit(build.status ?? 1)
const bench = spawnSync(process.execPath, [join(root, 'benchmarks/dist/main.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(bench.status ?? 1)
