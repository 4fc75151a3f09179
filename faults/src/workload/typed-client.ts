import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { SkippedError } from '../fault-lab-error.js'

const packages = ['openapi-typescript@7.13.0', 'openapi-fetch@0.17.0', 'typescript@5.9.3']
const root = fileURLToPath(new URL('../../..', import.meta.url))
const installed = join(root, '.cache/typed-client')
const execute = promisify(execFile)

/** Installs the generator of clients as the guide says, beside the other downloads; @throws {SkippedError} where there is nothing to install from. */
export async function clientGenerator(): Promise<string> {
  const isThere = await access(installed).then(
    () => true,
    () => false,
  )
  if (isThere) return installed
  await mkdir(join(installed, '..'), { recursive: true })
  const folder = await mkdtemp(`${installed}-`)
  try {
    const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', folder, ...packages]
    await execute('npm', args, { cwd: folder, timeout: 120_000 })
    await rename(folder, installed)
    return installed
  } catch (error) {
    // Half an installation would be taken for a whole one.
    await rm(folder, { recursive: true, force: true })
    throw new SkippedError(`the generator of clients cannot be installed: ${(error as Error).message}`)
  }
}

/**
 * Makes a client of the order example by the command line, compiles a program that uses it, and runs that.
 *
 * @returns what went wrong, or what the program printed.
 */
export async function runWithClient(generator: string, program: string, env: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-client-'))
  try {
    const example = join(root, 'examples/order-aggregate/tidemark.config.ts')
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    await writeFile(
      join(folder, 'tidemark.config.ts'),
      `export { default } from ${JSON.stringify(pathToFileURL(example).href)}\n`,
    )
    await symlink(join(generator, 'node_modules'), join(folder, 'node_modules'))
    const tidemark = join(root, 'packages/cli/bin/tidemark.js')
    const run = (file: string, ...args: string[]) =>
      execute(file, args, { cwd: folder, env: { ...process.env, ...env } })
    await run(process.execPath, tidemark, 'openapi', '--client', 'ts', '--file', 'client.ts')
    await writeFile(join(folder, 'program.ts'), program)
    const compiler = join(generator, 'node_modules/typescript/bin/tsc')
    const strict = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck']
    await run(process.execPath, compiler, ...strict, 'program.ts')
    return (await run(process.execPath, 'program.js')).stdout.trim()
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    return stdout || stderr || message
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
