import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'

function childrenOf(pid: number): number[] {
  let list: string
  try {
    list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  } catch {
    // Not Linux. pgrep ends with 1 when there are none.
    try {
      list = execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    } catch {
      return []
    }
  }
  return list.split(/\s+/).filter(Boolean).map(Number)
}

/** Sends a signal to a process and to all that descend from it, the root first; those that have ended are passed over. */
export function signalTree(pid: number, signal: NodeJS.Signals): void {
  // Listed before the first signal: children of a killed process belong to another parent at once.
  const pids = [pid]
  for (const parent of pids) pids.push(...childrenOf(parent))
  for (const target of pids) {
    try {
      process.kill(target, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}
