import type { Command, Option } from 'commander'
import { VerbCommand } from '../verbs/verb-command.js'

/** An option as it is typed. */
export interface OptionWords {
  readonly flags: readonly string[]
  readonly description: string
  readonly takesValue: boolean
  /** What its value may be; undefined where it may be anything. */
  readonly choices: readonly string[] | undefined
}

/** A command as it is typed: a noun, a verb, or both. */
export interface CommandWords {
  /** The words before; empty for what comes first. */
  readonly parent: string
  readonly name: string
  readonly description: string
  /** Those of a verb; a noun has none. */
  readonly options: readonly OptionWords[]
}

/** Everything that the command line understands. */
export interface Words {
  readonly commands: readonly CommandWords[]
  readonly globalOptions: readonly OptionWords[]
}

/** The words of a whole program; loads the code of all its verbs. */
export async function wordsOfProgram(program: Command): Promise<Words> {
  return { commands: await commandsUnder(program, ''), globalOptions: program.options.map(wordsOf) }
}

async function commandsUnder(command: Command, parent: string): Promise<CommandWords[]> {
  const found: CommandWords[] = []
  for (const child of command.commands) {
    if (child instanceof VerbCommand) await child.configure()
    const name = child.name()
    // What the help does not tell is for this program itself.
    const options = child.options.filter(({ hidden }) => !hidden).map(wordsOf)
    found.push({ parent, name, description: child.description(), options })
    found.push(...(await commandsUnder(child, name)))
  }
  return found
}

function wordsOf({ short, long, description, required, optional, argChoices }: Option): OptionWords {
  const flags = [short, long].filter((flag) => flag !== undefined)
  return { flags, description, takesValue: required || optional, choices: argChoices }
}
