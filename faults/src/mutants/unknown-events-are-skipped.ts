import type { Mutant } from '../experiment.js'

/** Leaves out what the code does not know, as if it had never happened. */
export const unknownEventsAreSkipped: Mutant = {
  name: 'unknown-events-are-skipped',
  defect: 'a projection passes over events of a schema version that its code does not know',
  experiment: 'rolling-deploys',
  caughtBy: ['I6', 'requirements'],
  wrapRead: (read) => async (options) => {
    const batch = await read(options)
    const events = batch.events.filter(({ type, schemaVersion }) => type !== 'Deposited' || schemaVersion === 1)
    return { ...batch, events }
  },
}
