import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UsageError } from '../src/fault-lab-error.js'
import { createHistoryWriter, historyFile } from '../src/history/history-writer.js'
import { readHistory } from '../src/history/read-history.js'
import { goodHistory } from './history-fixture.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-history-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function write(): Promise<string> {
  const history = await createHistoryWriter(join(folder, 'run'))
  for (const entry of goodHistory) history.add(entry)
  await history.close()
  return history.folder
}

test('a history comes back as it was written, and a new run empties the folder', async () => {
  await write()
  const evidence = await readHistory(await write())
  expect(evidence.log.map(({ position }) => position)).toEqual([1n, 2n, 3n, 4n, 5n])
  expect(evidence.appends).toHaveLength(4)
  expect(evidence.reads.get('r')).toHaveLength(2)
})

test('a last line that was cut off is left out; one in the middle is refused', async () => {
  const run = await write()
  await appendFile(join(run, historyFile), '{"kind":"event","posi')
  expect((await readHistory(run)).log).toHaveLength(5)
  await appendFile(join(run, historyFile), '\n{"kind":"healed","atMs":1}\n')
  await expect(readHistory(run)).rejects.toThrow(UsageError)
})

test('a folder without a history is refused', async () => {
  await expect(readHistory(join(folder, 'nothing'))).rejects.toThrow(/there is no history/)
})
