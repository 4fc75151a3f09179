import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { guard } from './guardian.js'
import { signalTree } from './signal-tree.js'
import type { UserIds } from './unprivileged-user.js'

/** A long-lived child process that never outlives this one. */
export interface ServerProcess {
  readonly pid: number
  /** Resolves when the process has ended; never rejects. */
  readonly ended: Promise<void>
  readonly running: boolean
  /** Sends a signal to the process alone; does nothing when it has ended. */
  signal(signal: NodeJS.Signals): void
  /** Sends a signal to the process and to all its descendants. */
  signalAll(signal: NodeJS.Signals): void
}

/** How a server is started; what it writes is appended to `logFile`. */
export interface ServerProcessOptions {
  readonly logFile: string
  readonly stopSignal: NodeJS.Signals
  readonly user?: UserIds | undefined
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** Folders to delete when this process dies without closing the server. */
  readonly temporaryFolders?: readonly string[]
}

/**
 * Starts a server and puts it under guard.
 *
 * It writes to a file, not to a pipe of this process, so that it can still shut down when this process is gone.
 */
export async function startServerProcess(
  file: string,
  args: readonly string[],
  { logFile, stopSignal, user, env, cwd, temporaryFolders = [] }: ServerProcessOptions,
): Promise<ServerProcess> {
  const log = openSync(logFile, 'a', 0o644)
  let child: ChildProcess
  try {
    child = spawn(file, args, {
      ...user,
      ...(cwd === undefined ? {} : { cwd }),
      env: env ?? process.env,
      stdio: ['ignore', log, log],
      // Ctrl-C in a terminal goes to this process, which decides when its servers end.
      detached: true,
    })
  } finally {
    closeSync(log)
  }
  if (child.pid === undefined) {
    return new Promise((_, reject) => child.once('error', reject))
  }
  const pid = child.pid
  const release = guard({ pid, signal: stopSignal, folders: temporaryFolders })
  let running = true
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      running = false
      release()
      resolve()
    })
  })
  return {
    pid,
    ended,
    get running() {
      return running
    },
    signal: (signal) => void child.kill(signal),
    signalAll: (signal) => {
      if (running) signalTree(pid, signal)
    },
  }
}
