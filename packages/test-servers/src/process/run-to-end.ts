import { spawn, type SpawnOptions } from 'node:child_process'
import { CommandFailedError } from '../test-servers-error.js'

/** What a program wrote before it ended with exit code 0. */
export interface FinishedProcess {
  readonly stdout: string
  readonly stderr: string
}

/** How a program is run: `stdin` is written and closed, `timeoutMs` (default 60 s) ends it with SIGKILL. */
export interface RunOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> {
  readonly stdin?: string
  readonly timeoutMs?: number
}

/**
 * Runs a program until it ends and returns what it wrote.
 *
 * @throws {CommandFailedError} the program is missing, ended with another exit code than 0, or took too long.
 * @example const { stdout } = await runToEnd('java', ['-version'])
 */
export async function runToEnd(
  file: string,
  args: readonly string[],
  { stdin, timeoutMs = 60_000, ...options }: RunOptions = {},
): Promise<FinishedProcess> {
  const child = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  const written = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => (written[stream] += text))
  }
  // A program that ends without reading its input is judged by its exit code, not by the broken pipe.
  child.stdin.on('error', () => undefined)
  child.stdin.end(stdin)

  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill('SIGKILL')
  }, timeoutMs)
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    if (code === 0) return written
    const how = timedOut ? `was ended after ${timeoutMs} ms` : `ended with exit code ${code}`
    throw new CommandFailedError(file, how, (written.stderr || written.stdout).trim().slice(-4000))
  } catch (error) {
    if (error instanceof CommandFailedError) throw error
    throw new CommandFailedError(file, 'could not be started', String(error), { cause: error })
  } finally {
    clearTimeout(timer)
  }
}
