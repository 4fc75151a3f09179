import { createInterface } from 'node:readline/promises'
import { CliError, ConfirmationNeededError } from './errors.js'

/**
 * Asks before something that cannot be undone; `--yes` answers for whoever is not there.
 *
 * @throws {ConfirmationNeededError} there is no terminal to ask on. @throws {CliError} the answer is no.
 */
export async function confirm(question: string, { yes }: { readonly yes: boolean }): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new ConfirmationNeededError(`${question} There is no terminal to ask on: say --yes`)
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new CliError('nothing was done')
  } finally {
    terminal.close()
  }
}
