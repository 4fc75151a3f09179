import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import type { Entry } from './entry.js'

/** Takes down what happens in a run, line by line; nothing is changed afterwards. */
export interface HistoryWriter {
  readonly folder: string
  /** Monotonic milliseconds since the run began. */
  now(): number
  add(entry: Entry): void
  /** Writes what is still waiting and closes the file. */
  close(): Promise<void>
}

/** The name of the file in a run's folder. */
export const historyFile = 'history.jsonl'

/** Starts a history in a folder, which is emptied first. */
export async function createHistoryWriter(folder: string): Promise<HistoryWriter> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const file = createWriteStream(join(folder, historyFile))
  const beganAt = performance.now()
  return {
    folder,
    now: () => Math.round((performance.now() - beganAt) * 1000) / 1000,
    add: (entry) => void file.write(`${JSON.stringify(entry)}\n`),
    async close() {
      file.end()
      await finished(file)
    },
  }
}
