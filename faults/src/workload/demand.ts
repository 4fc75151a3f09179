import type { HistoryWriter } from '../history/history-writer.js'

/** Takes down what an experiment demands by itself, and whether it was met. */
export function demand(
  history: HistoryWriter,
  name: string,
  expected: string,
  actual: string | number,
  met: boolean,
): void {
  history.add({ kind: 'requirement', name, expected, actual: String(actual), met })
}
