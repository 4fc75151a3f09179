import { groupBy } from '../group-by.js'
import type { AppendEntry } from '../history/entry.js'
import type { Check } from './check.js'

const versionOf = (expected: string): bigint | undefined => {
  if (expected === 'no-stream') return 0n
  return /^\d+$/.test(expected) ? BigInt(expected) : undefined
}

const conflict = 'EVENTSTORE_VERSION_CONFLICT'

/** Of the appends that expect one version, one wins; and who lost did so because somebody had won. */
export const oneWins: Check = {
  name: 'I9',
  promise: 'of the appends that expect one version exactly one wins',
  applies: ({ appends }) => appends.some(({ expectedVersion }) => versionOf(expectedVersion) !== undefined),
  *breaches({ appends, log }) {
    const lengths = new Map<string, bigint>()
    for (const { streamId, version } of log) lengths.set(streamId, version)
    const versioned = appends.filter(({ expectedVersion }) => versionOf(expectedVersion) !== undefined)
    const races = groupBy(versioned, ({ streamId, expectedVersion }) => `${versionOf(expectedVersion)} of ${streamId}`)
    for (const [race, entries] of races) {
      const winners = new Set(entries.filter(({ outcome }) => outcome === 'ok').map(firstId))
      if (winners.size > 1) yield `${winners.size} appends that expected version ${race} were acknowledged`
      for (const { streamId, expectedVersion, outcome, error, caller, version, events } of entries) {
        const expected = versionOf(expectedVersion) ?? 0n
        if (outcome === 'fail' && error?.code === conflict && lengths.get(streamId) === expected) {
          yield `${caller} was refused at version ${race}, which nobody took`
        }
        if (outcome === 'ok' && version !== undefined && BigInt(version) !== expected + BigInt(events.length)) {
          yield `${caller} expected version ${race} and was acknowledged through ${version} with ${events.length} events`
        }
      }
    }
  },
}

function firstId({ events }: AppendEntry): string | undefined {
  return events[0]?.id
}
