import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const folder = join(root, '.cache/programs')
const conditions = ['@tidemark/source', 'node']

/** How one process of a program is started. */
export interface StartProgramOptions {
  /** For `TIDEMARK_FAILPOINTS`, such as `bridge.after-send=kill@3`. */
  readonly failpoints?: string | undefined
  /** Whether its stdout can be read. */
  readonly readable?: boolean
}

/**
 * Prepares a TypeScript program to be run as processes of its own, which tests can kill; its stderr is that of the tests.
 *
 * It and the packages of this repository that it uses become one JavaScript file, from their sources. Node.js starts that in a fraction of a second, where
 * translating the sources anew takes seconds of a processor for each process.
 *
 * @example
 * const runBridge = await testProgram(new URL('programs/run-bridge.ts', import.meta.url))
 * const child = runBridge([databaseUrl], { failpoints: 'bridge.after-send=kill@3' })
 */
export async function testProgram(
  program: URL,
): Promise<(args: readonly string[], options?: StartProgramOptions) => ChildProcess> {
  const path = await bundle(fileURLToPath(program))
  return (args, { failpoints, readable = false } = {}) =>
    spawn(process.execPath, [path, ...args], {
      stdio: ['ignore', readable ? 'pipe' : 'ignore', 'inherit'],
      env: { ...process.env, TIDEMARK_FAILPOINTS: failpoints },
    })
}

async function bundle(source: string): Promise<string> {
  // Loaded only here: most users of this package start servers.
  const { build } = await import('vite')
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    root,
    envDir: false,
    build: {
      ssr: source,
      write: false,
      target: 'node20',
      minify: false,
      rolldownOptions: { output: { codeSplitting: false } },
    },
    ssr: { noExternal: [/^@tidemark\//], resolve: { conditions } },
    resolve: { conditions },
  })
  const [chunk] = 'output' in built ? built.output : []
  if (chunk?.type !== 'chunk') throw new Error(`${source} gave no program`)
  const hash = createHash('sha256').update(chunk.code).digest('hex').slice(0, 16)
  const path = join(folder, `${basename(source, '.ts')}-${hash}.mjs`)
  await mkdir(folder, { recursive: true })
  // Others may write the same file at the same time, or run it.
  const unfinished = `${path}.${process.pid}`
  await writeFile(unfinished, chunk.code)
  await rename(unfinished, path)
  return path
}
