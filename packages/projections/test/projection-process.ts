import { testProgram } from '@tidemark/test-servers'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

const runProjections = await testProgram(new URL('programs/run-projections.ts', import.meta.url))

/** A process that follows the log with `customer-totals`, or rebuilds it, in a database of its own if given; leases of one second. */
export function startProcess(
  databaseUrl: string,
  task: 'follow' | 'rebuild',
  failpoints?: string,
  readModelsUrl?: string,
): ChildProcess {
  return runProjections([databaseUrl, task, ...(readModelsUrl === undefined ? [] : [readModelsUrl])], { failpoints })
}

/** Waits for the end of a process; the signal that ended it, or undefined. */
export async function endOf(child: ChildProcess): Promise<NodeJS.Signals | undefined> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.signalCode ?? undefined
}
