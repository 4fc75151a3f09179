// Everything that CI checks of one commit, stage by stage. Uses Node.js alone, since it installs the rest.
//
// A stage that fails does not hide the later ones, except where they could not work without it. The stages of one step
// run at once, and each prints when it has ended. The last line is the outcome of the tests of all stages together:
// `N passed, N failed, N skipped`.
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const deadlineMs = 25 * 60_000
const testOutcome = /^(\d+) passed, (\d+) failed, (\d+) skipped$/

const steps = [
  [{ name: 'java for Kafka', command: 'bash scripts/install-java.sh', vital: true }],
  [{ name: 'install', command: 'npm ci --engine-strict --no-audit --no-fund', vital: true }],
  [
    { name: 'lint', command: 'npm run lint' },
    { name: 'typecheck', command: 'npm run typecheck' },
  ],
  [{ name: 'build', command: 'npm run build -- --output-logs=errors-only', vital: true }],
  [
    { name: 'examples of the guides', command: 'node scripts/run-snippets.js' },
    { name: 'packed packages', command: 'node scripts/pack-test.js' },
  ],
  [{ name: 'test', command: 'npm test', tests: true }],
  [{ name: 'test on Postgres 15', command: 'node scripts/test-elsewhere.js postgres-15', tests: true }],
  [{ name: 'test through pgbouncer', command: 'node scripts/test-elsewhere.js pgbouncer', tests: true }],
]

const startedAt = performance.now()
const seconds = (sinceMs) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
const running = new Set()

/** Ends a stage with all that it started: each runs in a process group of its own. */
function endStage(stage, signal) {
  if (stage.pid === undefined) return
  try {
    process.kill(-stage.pid, signal)
  } catch {
    // It ended by itself.
  }
}

/**
 * Runs one stage; resolves with whether it succeeded, how long it took, and the last line in it that tells the outcome of tests.
 * What it prints is held back until its end unless it runs alone.
 */
function runStage({ name, command, tests }, alone) {
  return new Promise((resolve) => {
    const stageStartedAt = performance.now()
    let outcome
    let rest = ''
    const held = []
    const print = (target, text) => (alone ? target.write(text) : held.push([target, text]))
    print(process.stdout, `\n=== ${name}: ${command}\n\n`)
    const stage = spawn(command, {
      cwd: root,
      shell: true,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CI: 'true', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', NO_COLOR: '1' },
    })
    running.add(stage)
    const remainingMs = deadlineMs - (performance.now() - startedAt)
    const terminate = setTimeout(() => {
      print(process.stderr, `\nout of time: the whole run may take ${deadlineMs / 60_000} minutes\n`)
      endStage(stage, 'SIGTERM')
    }, remainingMs)
    const kill = setTimeout(() => endStage(stage, 'SIGKILL'), remainingMs + 10_000)
    stage.stderr.on('data', (chunk) => print(process.stderr, chunk))
    stage.stdout.on('data', (chunk) => {
      print(process.stdout, chunk)
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop()
      outcome = lines.findLast((line) => testOutcome.test(line)) ?? outcome
    })
    let left = false
    let leftBehind
    stage.once('exit', () => {
      // The output stays open as long as a server that the stage forgot: that is a failure of the stage.
      leftBehind = setTimeout(() => {
        print(process.stderr, '\nthe stage left processes behind\n')
        left = true
        endStage(stage, 'SIGKILL')
      }, 5_000)
    })
    stage.once('close', (code) => {
      clearTimeout(leftBehind)
      clearTimeout(terminate)
      clearTimeout(kill)
      running.delete(stage)
      if (tests && outcome === undefined) print(process.stderr, 'the tests ended without telling their outcome\n')
      for (const [target, text] of held) target.write(text)
      const succeeded = code === 0 && !left && (!tests || outcome !== undefined)
      resolve({ name, succeeded, outcome, took: seconds(stageStartedAt) })
    })
  })
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const stage of running) endStage(stage, signal)
    process.exitCode = 1
    // The stages get time to stop its servers.
    setTimeout(() => process.exit(1), 10_000).unref()
  })
}

const report = []
const counts = { passed: 0, failed: 0, skipped: 0, stages: 0 }
for (const stages of steps) {
  const ended = await Promise.all(stages.map((stage) => runStage(stage, stages.length === 1)))
  for (const [index, { outcome }] of ended.entries()) {
    if (!stages[index].tests || outcome === undefined) continue
    const [, passed, failed, skipped] = testOutcome.exec(outcome)
    counts.passed += Number(passed)
    counts.failed += Number(failed)
    counts.skipped += Number(skipped)
    counts.stages++
  }
  report.push(...ended)
  if (ended.some(({ succeeded }, index) => !succeeded && stages[index].vital)) break
  if (process.exitCode === 1 || performance.now() - startedAt > deadlineMs) break
}

const complete = report.length === steps.flat().length
const passed = process.exitCode !== 1 && complete && report.every(({ succeeded }) => succeeded)
console.log(`\n=== ${passed ? 'all stages passed' : 'failed'} in ${seconds(startedAt)}\n`)
for (const { name, took, succeeded } of report) console.log(`${succeeded ? 'ok    ' : 'FAILED'} ${name}, ${took}`)
const { passed: sum, failed, skipped, stages: ran } = counts
console.log(ran === 0 ? '\nthe tests did not run' : `\n${sum} passed, ${failed} failed, ${skipped} skipped`)
if (!passed) process.exitCode = 1
