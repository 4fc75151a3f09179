import { isatty } from 'node:tty'
import { CommanderError } from 'commander'
import { explainError } from './explain-error.js'
import { exitCode } from './exit-code.js'
import { Output } from './output/output.js'
import { outputOptions } from './output/output-options.js'
import type { Context } from './context.js'
import { createProgram } from './program.js'

/**
 * Runs the command with its arguments, and returns its exit code; the first argument is the command's own, such as `projections`.
 *
 * Never rejects: an error is explained on stderr.
 */
export async function main(args: readonly string[]): Promise<number> {
  // A reader that has seen enough, such as `head`, closes the pipe.
  process.stdout.on('error', (error: NodeJS.ErrnoException) =>
    process.exit(error.code === 'EPIPE' ? 0 : exitCode.failed),
  )
  const output = new Output(process.stdout, process.stderr, outputOptions(args, process.env, isatty(process.stdout.fd)))
  return run(args, { output, environment: process.env, cwd: process.cwd() })
}

/** The same with another output, environment and working folder. */
export async function run(args: readonly string[], around: Omit<Context, 'ends'>): Promise<number> {
  const context: Context = { ...around, ends: { code: exitCode.ok } }
  try {
    await createProgram(context).parseAsync(args, { from: 'user' })
    return context.ends.code
  } catch (error) {
    // Help and the version are no errors, commander only ends by one.
    if (error instanceof CommanderError && error.exitCode === 0) return exitCode.ok
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCode.usage
    const explained = explainError(error, args.includes('--debug'))
    context.output.error(explained)
    return explained.exitCode
  }
}
