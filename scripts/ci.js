// Everything that CI checks of one commit, stage by stage. Uses Node.js alone, since it installs the rest.
//
// A stage that fails does not hide the later ones, except where they could not work without it. The last line is the
// outcome of the tests of all stages together: `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const deadlineMs = 25 * 60_000
const testOutcome = /^(\d+) passed, (\d+) failed, (\d+) skipped$/

const stages = [
  { name: 'java for Kafka', command: 'bash scripts/install-java.sh', vital: true },
  { name: 'install', command: 'npm ci --engine-strict --no-audit --no-fund', vital: true },
  { name: 'lint', command: 'npm run lint' },
  { name: 'typecheck', command: 'npm run typecheck' },
  { name: 'build', command: 'npm run build -- --output-logs=errors-only', vital: true },
  { name: 'examples of the guides', command: 'node scripts/run-snippets.js' },
  { name: 'test', command: 'npm test', tests: true },
  { name: 'test on Postgres 15', command: 'node scripts/test-elsewhere.js postgres-15', tests: true },
  { name: 'test through pgbouncer', command: 'node scripts/test-elsewhere.js pgbouncer', tests: true },
  { name: 'packed packages', command: 'node scripts/pack-test.js' },
]

const startedAt = performance.now()
const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
let current

/** Ends a stage with all that it started: each runs in a process group of its own. */
function endStage(signal) {
  if (current?.pid === undefined) return
  try {
    process.kill(-current.pid, signal)
  } catch {
    // It ended by itself.
  }
}

/** Runs one stage; resolves with whether it succeeded and the last line in it that tells the outcome of tests. */
function runStage({ command }) {
  return new Promise((resolve) => {
    let outcome
    let rest = ''
    current = spawn(command, {
      cwd: root,
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, CI: 'true', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', NO_COLOR: '1' },
    })
    const remainingMs = deadlineMs - (performance.now() - startedAt)
    const terminate = setTimeout(() => {
      console.error(`\nout of time: the whole run may take ${deadlineMs / 60_000} minutes`)
      endStage('SIGTERM')
    }, remainingMs)
    const kill = setTimeout(() => endStage('SIGKILL'), remainingMs + 10_000)
    current.stdout.on('data', (chunk) => {
      process.stdout.write(chunk)
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop()
      outcome = lines.findLast((line) => testOutcome.test(line)) ?? outcome
    })
    let left = false
    let leftBehind
    current.once('exit', () => {
      // The output stays open as long as a server that the stage forgot: that is a failure of the stage.
      leftBehind = setTimeout(() => {
        console.error('\nthe stage left processes behind')
        left = true
        endStage('SIGKILL')
      }, 5_000)
    })
    current.once('close', (code) => {
      clearTimeout(leftBehind)
      clearTimeout(terminate)
      clearTimeout(kill)
      current = undefined
      resolve({ succeeded: code === 0 && !left, outcome })
    })
  })
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    endStage(signal)
    process.exitCode = 1
    // The stage gets time to stop its servers.
    setTimeout(() => process.exit(1), 10_000).unref()
  })
}

const report = []
const counts = { passed: 0, failed: 0, skipped: 0, stages: 0 }
for (const stage of stages) {
  console.log(`\n=== ${stage.name}: ${stage.command}\n`)
  const stageStartedAt = performance.now()
  const { succeeded, outcome } = await runStage(stage)
  const [, passed, failed, skipped] = testOutcome.exec(outcome ?? '') ?? []
  const tested = !stage.tests || outcome !== undefined
  if (!tested) console.error('the tests ended without telling their outcome')
  if (stage.tests && outcome !== undefined) {
    counts.passed += Number(passed)
    counts.failed += Number(failed)
    counts.skipped += Number(skipped)
    counts.stages++
  }
  report.push({ name: stage.name, took: seconds(stageStartedAt), succeeded: succeeded && tested })
  if (!succeeded && stage.vital) break
  if (process.exitCode === 1 || performance.now() - startedAt > deadlineMs) break
}

const passed = process.exitCode !== 1 && report.length === stages.length && report.every(({ succeeded }) => succeeded)
console.log(`\n=== ${passed ? 'all stages passed' : 'failed'} in ${seconds(startedAt)}\n`)
for (const { name, took, succeeded } of report) console.log(`${succeeded ? 'ok    ' : 'FAILED'} ${name}, ${took}`)
const { passed: sum, failed, skipped, stages: ran } = counts
console.log(ran === 0 ? '\nthe tests did not run' : `\n${sum} passed, ${failed} failed, ${skipped} skipped`)
if (!passed) process.exitCode = 1
