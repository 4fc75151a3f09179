import type { Mutant } from '../experiment.js'
import { changeProducer } from '../workload/change-producer.js'
import { pause } from '../workload/pause.js'

const lingerMs = 300

/** Collects a batch for a moment, as clients do to send more at once, and lets the bridge go on meanwhile. */
export const checkpointBeforeAcknowledgement: Mutant = {
  name: 'checkpoint-before-acknowledgement',
  defect: 'the checkpoint passes a batch that waits to be sent',
  experiment: 'killed-bridges',
  caughtBy: ['I7'],
  wrapProducer: (producer) => {
    let sent: Promise<void> = Promise.resolve()
    return changeProducer(producer, {
      async send(records) {
        sent = pause(lingerMs).then(() => producer.send(records).catch(() => undefined))
      },
      async disconnect() {
        await sent
        await producer.disconnect()
      },
    })
  },
}
