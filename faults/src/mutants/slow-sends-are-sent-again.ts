import type { Mutant } from '../experiment.js'
import { changeProducer } from '../workload/change-producer.js'
import { pause } from '../workload/pause.js'

/** Loses patience, and sends the records again as new ones, which the broker cannot know for the same. */
export const slowSendsAreSentAgain: Mutant = {
  name: 'slow-sends-are-sent-again',
  defect: 'a send whose answer is late is repeated under other sequence numbers',
  experiment: 'lost-replies',
  caughtBy: ['I8'],
  wrapProducer: (producer) =>
    changeProducer(producer, {
      async send(records) {
        const first = producer.send(records)
        const isLate = await Promise.race([first.then(() => false), pause(100).then(() => true)])
        if (isLate) await Promise.all([first, producer.send(records)])
      },
    }),
}
