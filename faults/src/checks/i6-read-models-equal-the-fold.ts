import type { CounterEntry, ModelEntry } from '../history/entry.js'
import type { StoredEvent } from '../history/evidence.js'
import type { Check } from './check.js'

/** A counter has counted each event up to its checkpoint once; the rows of a model are those of the experiment's own fold. */
export const readModelsEqualTheFold: Check = {
  name: 'I6',
  promise: 'a read model equals the pure fold of the log up to its checkpoint',
  applies: ({ counters, models, log }) => models.length > 0 || (counters.length > 0 && log.length > 0),
  *breaches({ counters, models, log }) {
    for (const counter of counters) yield* breachesOf(counter, log)
    for (const model of models) yield* differencesOf(model)
  },
}

function* breachesOf({ name, checkpoint, counts, parked = [] }: CounterEntry, log: readonly StoredEvent[]) {
  const marked = new Set(parked)
  const expected = new Map<string, number>()
  for (const { position, streamId } of log) {
    if (position > BigInt(checkpoint)) break
    if (!marked.has(streamId)) expected.set(streamId, (expected.get(streamId) ?? 0) + 1)
  }
  for (const [streamId, count] of expected) {
    const actual = counts[streamId] ?? 0
    if (actual !== count) yield `${name} at ${checkpoint} counted ${actual} events of ${streamId}, the log has ${count}`
  }
  for (const streamId of Object.keys(counts)) {
    if (marked.has(streamId)) yield `${name} serves a row for ${streamId}, which a parked event marked`
    else if (!expected.has(streamId)) yield `${name} at ${checkpoint} counted ${streamId}, which the log does not have`
  }
}

function* differencesOf({ name, checkpoint, rows, hash, foldedRows, foldedHash, differences }: ModelEntry) {
  if (hash === foldedHash && rows === foldedRows) return
  const examples = differences.length > 0 ? `: ${differences.join('; ')}` : ''
  yield `${name} at ${checkpoint} has ${rows} rows, the fold of the log has ${foldedRows}${examples}`
}
