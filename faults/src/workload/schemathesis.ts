import { execFile } from 'node:child_process'
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SkippedError } from '../fault-lab-error.js'

const version = '4.32.5'
const folder = fileURLToPath(new URL(`../../../.cache/schemathesis-${version}`, import.meta.url))
const execute = promisify(execFile)

/** The fuzzer of OpenAPI documents, installed beside the other downloads; @throws {SkippedError} where there is no Python 3.10 or nothing to install from. */
export async function schemathesis(): Promise<string> {
  const program = join(folder, 'bin/schemathesis')
  if (await exists(program)) return program
  try {
    await mkdir(join(folder, '..'), { recursive: true })
    await execute('python3', ['-m', 'venv', folder])
    await execute(join(folder, 'bin/pip'), ['install', '--quiet', `schemathesis==${version}`], { timeout: 240_000 })
    return program
  } catch (error) {
    // Half an installation would be taken for a whole one.
    await rm(folder, { recursive: true, force: true })
    const { stderr = '', message } = error as Error & { readonly stderr?: string }
    throw new SkippedError(`schemathesis cannot be installed: ${(stderr || message).trim().split('\n').at(-1)}`)
  }
}

/** What the fuzzer found: its report, and whether it passed. */
export interface FuzzReport {
  readonly passed: boolean
  readonly text: string
}

/** Asks a server everything that its document says it answers, and more. */
export async function fuzzDocument(
  program: string,
  { url, token, examples, seed }: { url: string; token: string; examples: number; seed: number },
): Promise<FuzzReport> {
  const checks = [
    ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance'],
    ...['response_headers_conformance', 'response_schema_conformance', 'negative_data_rejection'],
  ]
  const args = [
    ...['run', `${url}/openapi.json`, '--max-examples', String(examples), '--seed', String(seed), '--no-color'],
    ...['--checks', checks.join(','), '--header', `Authorization: Bearer ${token}`],
    // A stream of live rows has no end.
    ...['--request-timeout', '20'],
  ]
  // It keeps what it found in the folder that it runs in.
  const cwd = await mkdtemp(join(tmpdir(), 'tidemark-fuzz-'))
  try {
    const { stdout } = await execute(program, args, { cwd, maxBuffer: 64 * 1024 * 1024 })
    return { passed: true, text: stdout }
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    return { passed: false, text: stdout || stderr || message }
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
