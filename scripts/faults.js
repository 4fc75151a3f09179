// Runs the fault lab: npm run faults -- [<name>…] [--short] [--mutants] … ; `--help` says more.
//
// Builds what has changed first. Only the lab writes to stdout, so that `--json` can be piped.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const run = (args, stdio) => spawnSync(process.execPath, args, { cwd: root, stdio }).status ?? 1

const build = ['scripts/turbo.js', 'run', 'build', '--filter=@tidemark/faults', '--output-logs=errors-only']
if (run(build, ['ignore', 2, 2]) !== 0) {
  console.error('\nThe fault lab did not run, because the build failed: its errors are above.')
  process.exit(2)
}
// Ctrl-C reaches the lab as well, which then stops its servers: it is waited for.
process.on('SIGINT', () => undefined)
process.exit(run([join(root, 'faults/dist/main.js'), ...process.argv.slice(2)], 'inherit'))
