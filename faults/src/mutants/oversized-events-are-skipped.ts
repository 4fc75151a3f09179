import type { RecordedEvent } from '@tidemark/eventstore'
import type { Mutant } from '../experiment.js'

const largestBytes = 8192

/** Leaves out what the topic does not take, so that the bridge gets on. */
export const oversizedEventsAreSkipped: Mutant = {
  name: 'oversized-events-are-skipped',
  defect: 'an event that is too large is passed over, and its stream goes on',
  experiment: 'oversized-events',
  caughtBy: ['I7'],
  wrapRead: (read) => async (options) => {
    const batch = await read(options)
    return { ...batch, events: batch.events.filter(isSmall) }
  },
}

function isSmall({ data }: RecordedEvent): boolean {
  return JSON.stringify(data).length < largestBytes
}
