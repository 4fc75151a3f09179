import { readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/**
 * Runs `work` while no other process on this machine does so under the same lock file; others wait.
 *
 * The lock of a process that died is broken. Two waiters may break it at the same time, so `work` must do no harm when
 * it runs twice at once: the lock saves work, it does not keep order.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const holder = Number(await readFile(path, 'utf8').catch(() => ''))
    // Number('') is 0: the holder has created the file but not yet written it, or has just removed it.
    if (holder > 0 && !isAlive(holder)) await rm(path, { force: true })
    await sleep(200)
  }
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}
