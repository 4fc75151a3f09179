import { randomUUID } from 'node:crypto'

/** A UUID that was never used. */
export function newId(): string {
  return randomUUID()
}
