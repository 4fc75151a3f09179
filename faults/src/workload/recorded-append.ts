import { EventStoreError, OutcomeUnknownError, type AppendResult } from '@tidemark/eventstore'
import type { AppendEntry } from '../history/entry.js'
import type { HistoryWriter } from '../history/history-writer.js'

/** What is known of an append before it is made. */
export type AppendIntent = Pick<AppendEntry, 'caller' | 'streamId' | 'expectedVersion' | 'events' | 'batch'>

/** Makes an append and takes down how it ended; an error of the store is an outcome, any other is thrown on. */
export async function recordedAppend(
  history: HistoryWriter,
  intent: AppendIntent,
  append: () => Promise<AppendResult>,
): Promise<AppendResult | EventStoreError> {
  const startedMs = history.now()
  try {
    const result = await append()
    history.add({
      kind: 'append',
      outcome: 'ok',
      startedMs,
      endedMs: history.now(),
      ...intent,
      version: String(result.version),
    })
    return result
  } catch (error) {
    if (!(error instanceof EventStoreError)) throw error
    const outcome = error instanceof OutcomeUnknownError ? 'unknown' : 'fail'
    const { code, message } = error
    history.add({
      kind: 'append',
      outcome,
      startedMs,
      endedMs: history.now(),
      ...intent,
      error: { code, message },
    })
    return error
  }
}
