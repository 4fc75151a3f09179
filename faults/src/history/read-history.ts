import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { UsageError } from '../fault-lab-error.js'
import type { Entry } from './entry.js'
import { toEvidence, type Evidence } from './evidence.js'
import { historyFile } from './history-writer.js'

/**
 * Reads the history in a run's folder.
 *
 * A last line that was cut off, by a process that died, is left out.
 *
 * @throws {UsageError} there is no history in the folder, or a line of it is not JSON.
 */
export async function readHistory(folder: string): Promise<Evidence> {
  const path = join(folder, historyFile)
  const entries: Entry[] = []
  let number = 0
  let broken: number | undefined
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      number++
      if (broken !== undefined) throw new UsageError(`line ${broken} of ${path} is not JSON: the file was changed`)
      try {
        entries.push(JSON.parse(line) as Entry)
      } catch {
        broken = number
      }
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`there is no history at ${path}: name the folder of a run`, { cause: error })
  }
  return toEvidence(entries)
}
