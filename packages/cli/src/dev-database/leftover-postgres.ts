import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { processAlive, processRuns } from './other-process.js'

const patienceMs = 20_000

/**
 * Stops a Postgres that outlived the program that started it, and removes the lock of one that is gone.
 *
 * Postgres itself takes any living process for the owner of its lock, also one that has nothing to do with it but got the same number.
 *
 * @returns whether one was stopped.
 */
export async function stopLeftover(data: string): Promise<boolean> {
  const pid = pidInLock(data)
  if (pid === undefined) return false
  // We start Postgres with the folder of its data among its arguments.
  if (!processRuns(pid, data)) {
    rmSync(join(data, 'postmaster.pid'), { force: true })
    return false
  }
  // A process that was stopped sees no other signal.
  process.kill(pid, 'SIGCONT')
  process.kill(pid, 'SIGINT')
  const deadline = performance.now() + patienceMs
  while (processAlive(pid)) {
    if (performance.now() > deadline) process.kill(pid, 'SIGKILL')
    await sleep(20)
  }
  return true
}

function pidInLock(data: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    return pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}
