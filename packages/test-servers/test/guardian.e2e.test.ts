import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, inject, test } from 'vitest'

const jiti = fileURLToPath(new URL('../../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url))
const program = fileURLToPath(new URL('programs/start-servers-and-wait.ts', import.meta.url))

let parent: ChildProcess | undefined
afterEach(() => void parent?.kill('SIGKILL'))

async function startParent(...args: string[]): Promise<{ pids: number[]; dataDir: string }> {
  const env = { ...process.env, JITI_FS_CACHE: fileURLToPath(new URL('../../../.cache/jiti', import.meta.url)) }
  const child = spawn(process.execPath, [jiti, program, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env })
  parent = child
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return JSON.parse(line) as { pids: number[]; dataDir: string }
}

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended; only its parent has not asked yet.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function expectGone(pids: readonly number[], folder: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while ((pids.some(isAlive) || existsSync(folder)) && performance.now() < deadline) await sleep(50)
  expect(pids.filter(isAlive)).toEqual([])
  expect(existsSync(folder)).toBe(false)
}

for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
  test(`a parent that is ended by ${signal} leaves no Postgres and no data behind`, async () => {
    const { pids, dataDir } = await startParent()
    expect(pids.filter(isAlive)).toHaveLength(1)
    parent?.kill(signal)
    await expectGone(pids, dirname(dataDir))
  })
}

test('a frozen Postgres is ended, too', async () => {
  const { pids, dataDir } = await startParent('--freeze')
  await sleep(200)
  parent?.kill('SIGKILL')
  await expectGone(pids, dirname(dataDir))
})

test.skipIf(!inject('kafkaBrokers'))('a parent that is ended by SIGKILL leaves no Kafka behind', async () => {
  const { pids, dataDir } = await startParent('--kafka')
  expect(pids.filter(isAlive)).toHaveLength(2)
  parent?.kill('SIGKILL')
  await expectGone(pids, dirname(dataDir))
})
