import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const jiti = path('../../../node_modules/jiti/lib/jiti-cli.mjs')

/** The program runs from the sources, as the tests do. */
const alias = JSON.stringify({ '@tidemark/eventstore': path('../../eventstore/src/index.ts') })

/** A process that follows the log with `customer-totals`, or rebuilds it, in a database of its own if given; leases of one second. */
export function startProcess(
  databaseUrl: string,
  task: 'follow' | 'rebuild',
  failpoints?: string,
  readModelsUrl?: string,
): ChildProcess {
  const args = readModelsUrl === undefined ? [databaseUrl, task] : [databaseUrl, task, readModelsUrl]
  return startProgram('run-projections', args, failpoints)
}

/** One of the programs of these tests, as a process of its own. */
export function startProgram(name: string, args: readonly string[], failpoints?: string): ChildProcess {
  const env = { ...process.env, JITI_ALIAS: alias, JITI_FS_CACHE: 'false', TIDEMARK_FAILPOINTS: failpoints }
  const program = path(`programs/${name}.ts`)
  return spawn(process.execPath, [jiti, program, ...args], { stdio: ['ignore', 'ignore', 'inherit'], env })
}

/** Waits for the end of a process; the signal that ended it, or undefined. */
export async function endOf(child: ChildProcess): Promise<NodeJS.Signals | undefined> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.signalCode ?? undefined
}
