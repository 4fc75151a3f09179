import { DatabaseError, EventStoreError } from '@tidemark/eventstore'
import { ProjectionError } from './errors.js'
import { isPoison } from './poison/is-poison.js'

/** Whether an error is the database's or the network's, and no event's: the same batch may pass once they are well. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (isPoison(error) || error instanceof ProjectionError) return false
  return error instanceof DatabaseError || !(error instanceof EventStoreError)
}
