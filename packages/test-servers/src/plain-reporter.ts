import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Prints one line at the very end of a run: `N passed, N failed, N skipped`, the tests of all projects.
 *
 * A file that does not load, a failing hook outside of a test and an unhandled error count as failed, each once; a todo
 * counts as skipped.
 *
 * @example reporters: ['default', '@tidemark/test-servers/plain-reporter']
 */
export default class PlainReporter implements Reporter {
  #line = ''

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      count.failed += module.errors().length
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length
      for (const test of module.children.allTests()) count[test.result().state]++
    }
    // A test that never ran, because the run was interrupted, has not passed.
    const isFirstRun = this.#line === ''
    this.#line = `${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped\n`
    // At exit, because the other reporters' summaries come first; watching, only the last run's line is printed.
    if (isFirstRun) process.once('exit', () => process.stdout.write(this.#line))
  }
}
