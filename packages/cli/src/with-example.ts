import type { Command } from 'commander'

/** Ends the help of a command with how it is called. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  const examples = lines.map((line) => `  $ tidemark ${line}`)
  return command.addHelpText('after', ['', lines.length === 1 ? 'Example:' : 'Examples:', ...examples].join('\n'))
}
