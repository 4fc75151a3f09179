import type { Stall } from '@tidemark/eventstore'
import { durationText } from './durations.js'

/** Why something does not get on, in a few words; empty when it gets on. */
export function stallText(stall: Stall | undefined): string {
  switch (stall?.reason) {
    case undefined:
      return ''
    case 'head-held-back':
      return `head held back by ${holderText(stall.pid)}`
    case 'poison':
      return `failed ${stall.failures}×${stall.retryInMs === undefined ? '' : `, again in ${durationText(stall.retryInMs)}`}`
    case 'lease':
      return stall.owner === undefined ? 'nobody runs it' : `no progress of ${stall.owner}`
    case 'paused':
      return 'paused'
    case 'other-version-live':
      return `version ${stall.version} is live`
    case 'database':
    case 'broker':
      return stall.reason
  }
}

/** The same with what can be done about it; undefined when it gets on. */
export function stallAdvice(
  name: string,
  stall: Stall | undefined,
  noun: 'projections' | 'bridge' = 'projections',
): string | undefined {
  switch (stall?.reason) {
    case undefined:
      return undefined
    case 'head-held-back':
      return `an open append of ${holderText(stall.pid)} holds the head back: commit or end it; see pg_stat_activity`
    case 'poison':
      return stall.retryInMs === undefined
        ? `it stopped after ${stall.failures} failures: mend it, then \`tidemark ${noun} resume ${name}\``
        : `a batch failed ${stall.failures} times and is tried again in ${durationText(stall.retryInMs)}`
    case 'lease':
      return stall.owner === undefined
        ? `nobody runs all of it: start a process with \`tidemark start --only ${noun}\``
        : `${stall.owner} has it and does not move: look at its log, or end it`
    case 'paused':
      return `it was paused (${stall.why}): \`tidemark ${noun} resume ${name}\` lets it go on`
    case 'other-version-live':
      return `version ${stall.version} is live: \`tidemark projections rebuild ${name}\` brings the version of this code live`
    case 'database':
      return `the database refuses: ${stall.error}`
    case 'broker':
      return `Kafka refuses: ${stall.error}`
  }
}

function holderText(pid: number | undefined): string {
  return pid === undefined ? 'a prepared transaction' : `pid ${pid}`
}
