import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'

/** Who has a checkpoint, for people: what it does, host, process, and something that no other has. */
export function ownerName(task?: string): string {
  return [...(task ? [task] : []), hostname(), process.pid, randomUUID().slice(0, 8)].join('/')
}
