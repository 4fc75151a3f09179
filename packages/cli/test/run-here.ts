import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { run } from '../src/main.js'
import { outputOptions } from '../src/output/output-options.js'
import { Output } from '../src/output/output.js'
import type { CliResult } from './run-cli.js'

/** Runs a verb in the process of the tests, in a folder without a project; for verbs that need none. */
export async function runHere(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CliResult> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const written = Promise.all([text(stdout), text(stderr)])
  const output = new Output(stdout, stderr, outputOptions(args, environment, false))
  const code = await run(args, { output, environment, cwd: '/' })
  for (const stream of [stdout, stderr]) stream.end()
  const [out, err] = await written
  return { code, stdout: out, stderr: err }
}
