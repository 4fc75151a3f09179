import type { FaultProxy } from '@tidemark/test-servers'
import type { Experiment } from '../experiment.js'
import { runBridge } from '../workload/bridge-run.js'
import { demand } from '../workload/demand.js'
import { withKafkaBehindProxy } from '../workload/kafka-servers.js'
import { pause } from '../workload/pause.js'

/** How long replies, requests and whole lines are lost, in ms each. */
const durations = { short: 3000, full: 120_000, hunt: 4000 } as const

/** The line to the broker loses replies after the append, requests before it, or falls silent in the middle. */
export const lostReplies: Experiment = {
  name: 'lost-replies',
  group: 'bridge',
  summary: 'replies of Kafka are lost after the append, requests before it, and lines fall silent: nothing is repeated',
  checks: ['I1', 'I2', 'I3', 'I7', 'I8', 'I12', 'requirements'],

  async run(context) {
    const { size, history, signal } = context
    await withKafkaBehindProxy((kafka, proxy) =>
      runBridge(context, { kafka, options: { batchSize: 50 }, requestTimeoutMs: 1000 }, async (run) => {
        run.startLoad()
        await run.start().started
        const kinds = ['reply', 'request', 'silence'] as const
        for (const kind of kinds) {
          const lost = loseEvery(proxy, kind, 7)
          await pause(durations[size], signal)
          proxy.heal()
          // A connection that fell silent stays so.
          proxy.cutAll()
          demand(history, `lost to ${kind}`, 'at least 1', lost(), lost() > 0 || signal.aborted)
          await run.demandProgress(kind)
        }
        return { interruptions: run.failedSends }
      }),
    )
  },
}

/**
 * Loses every n-th request with records, or the reply to it by a cut or by silence; returns how many were lost so far.
 *
 * A record is known by a header that all of them have.
 */
function loseEvery(proxy: FaultProxy, kind: 'reply' | 'request' | 'silence', every: number): () => number {
  const asked = new Set<number>()
  let requests = 0
  let lost = 0
  const always = { times: Number.MAX_SAFE_INTEGER } as const
  proxy.dropWhen({
    ...always,
    direction: 'up',
    when: ({ connectionId, bytes, newBytes }) => {
      if (!bytes.subarray(-newBytes).includes('ce_specversion')) return false
      if (++requests % every !== 0) return false
      if (kind !== 'request') asked.add(connectionId)
      else lost++
      return kind === 'request'
    },
  })
  proxy.dropWhen({
    ...always,
    direction: 'down',
    then: kind === 'silence' ? 'black-hole' : 'cut',
    when: ({ connectionId }) => {
      if (!asked.delete(connectionId)) return false
      lost++
      return true
    },
  })
  return () => lost
}
