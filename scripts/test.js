// Builds what has changed, then runs the tests of all projects: node scripts/test.js [arguments of vitest]
//
// The last line is the outcome of the tests: `N passed, N failed, N skipped`. Some tests run the built programs, hence the
// build; to run a few tests from the sources, use `npx vitest run --project <package>`.
import { spawnSync } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const run = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1

const built = run('scripts/turbo.js', 'run', 'build', '--output-logs=errors-only')
if (built !== 0) {
  console.error('\nThe tests did not run, because the build failed: its errors are above.')
  process.exit(built)
}
process.exit(run('node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)))
