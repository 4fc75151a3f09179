import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Run } from './harness.js'

const run = promisify(execFile)

/** Whether pgbench is on this machine; it comes with Postgres's client or contrib package. */
export async function hasPgbench(): Promise<boolean> {
  return run('pgbench', ['--version']).then(
    () => true,
    () => false,
  )
}

/** Runs one statement in transactions of its own from `clients` connections, prepared. */
export async function pgbench(url: string, statement: string, clients: number, milliseconds: number): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-pgbench-'))
  try {
    const script = join(folder, 'script.sql')
    await writeFile(script, `${statement};\n`)
    const seconds = Math.max(1, Math.round(milliseconds / 1000))
    const threads = String(Math.min(clients, 2))
    const args = [
      '-n',
      '-M',
      'prepared',
      '-c',
      String(clients),
      '-j',
      threads,
      '-T',
      String(seconds),
      '-f',
      script,
      url,
    ]
    const { stdout } = await run('pgbench', args)
    const transactions = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1])
    if (!Number.isFinite(transactions)) throw new Error(`pgbench printed no count of transactions:\n${stdout}`)
    return { count: transactions, seconds }
  } finally {
    await rm(folder, { recursive: true })
  }
}
