import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConflictError } from '../errors.js'
import { processRuns } from './other-process.js'

/** What a running `tidemark dev` tells the commands in other terminals. */
export interface DevState {
  /** The process that runs everything. */
  readonly pid: number
  /** Undefined while it is starting. */
  readonly databaseUrl?: string
}

/** What `tidemark dev` calls its process, so that it can be told from a stranger that got its number. */
const title = 'tidemark dev'

/** The folder beside the configuration file that holds everything of `tidemark dev`. */
export const devFolderOf = (folder: string) => join(folder, '.tidemark')
const stateFile = (folder: string) => join(devFolderOf(folder), 'dev.json')

/** What the `tidemark dev` of this project says of itself; undefined when none runs. */
export function readDevState(folder: string): DevState | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile(folder), 'utf8')) as DevState
    return state.pid !== process.pid && processRuns(state.pid, title) ? state : undefined
  } catch {
    return undefined
  }
}

/**
 * Claims the project for this process, before it touches any data.
 *
 * @returns the release, and the way to tell other terminals of the database, for this user's eyes only.
 * @throws {ConflictError} another process has it.
 */
export function claimDev(folder: string): { tell(databaseUrl: string): void; release(): void } {
  const file = stateFile(folder)
  const text = (state: DevState) => `${JSON.stringify(state, undefined, 2)}\n`
  const other = readDevState(folder)
  if (other) throw new ConflictError(`\`tidemark dev\` runs here already, as process ${other.pid}: stop that one first`)
  rmSync(file, { force: true })
  process.title = title
  try {
    writeFileSync(file, text({ pid: process.pid }), { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new ConflictError('another `tidemark dev` is just starting here: stop that one first', { cause })
  }
  return {
    tell(databaseUrl) {
      writeFileSync(`${file}.new`, text({ pid: process.pid, databaseUrl }), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
    release: () => rmSync(file, { force: true }),
  }
}
