import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A project to run the command in. */
export const counterProject = fileURLToPath(new URL('fixtures/counter', import.meta.url))
const program = fileURLToPath(new URL('../bin/tidemark.js', import.meta.url))

export interface RunOptions {
  readonly cwd?: string
  /** Added to an environment without any of the variables that the command reads. */
  readonly env?: Readonly<Record<string, string>>
  readonly uid?: number
  readonly gid?: number
}

/** A command that runs: what it has written so far, and how it ended. */
export interface RunningCli {
  readonly child: ChildProcess
  readonly written: { stdout: string; stderr: string }
  readonly ended: Promise<CliResult>
  /** Waits until it has written something that matches. */
  until(pattern: RegExp): Promise<void>
}

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function cleanEnvironment(): NodeJS.ProcessEnv {
  const { DATABASE_URL, READ_MODELS_URL, KAFKA_BROKERS, PORT, NO_COLOR, FORCE_COLOR, ...others } = process.env
  const { TIDEMARK_SERVER, TIDEMARK_TOKEN, ...rest } = others
  return rest
}

/** Starts the built command, its output in pipes. */
export function startCli(args: readonly string[], options: RunOptions = {}): RunningCli {
  return startProgram(process.execPath, [program, ...args], options)
}

/** Whether util-linux is there, whose `script` makes pseudo-terminals without a native module. */
export const hasPseudoTerminals = spawnSync('script', ['--version']).status === 0

/** Starts the built command on a pseudo-terminal; everything that it writes arrives as stdout. */
export function startCliOnTerminal(args: readonly string[], options: RunOptions = {}): RunningCli {
  const command = [process.execPath, program, ...args].map((part) => `'${part}'`).join(' ')
  return startProgram('script', ['-qefc', command, '/dev/null'], options)
}

function startProgram(file: string, args: readonly string[], { env = {}, ...options }: RunOptions): RunningCli {
  const child = spawn(file, args, {
    cwd: counterProject,
    ...options,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const written = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (written.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (written.stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...written }))
  return {
    child,
    written,
    ended,
    async until(pattern) {
      const deadline = performance.now() + 60_000
      while (!pattern.test(written.stdout + written.stderr)) {
        const hasEnded = child.exitCode !== null || child.signalCode !== null
        if (hasEnded || performance.now() > deadline) {
          throw new Error(`never saw ${pattern}, only:\n${written.stdout}${written.stderr}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
  }
}

/** Runs the built command to its end. */
export function runCli(args: readonly string[], options: RunOptions = {}): Promise<CliResult> {
  return startCli(args, options).ended
}
