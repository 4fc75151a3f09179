import { Command } from 'commander'
import type { Context } from '../context.js'
import type { Verb } from './verb.js'

/** A command that has its name and summary, and its arguments and options once its code was loaded. */
export class VerbCommand extends Command {
  private configured: Promise<void> | undefined

  constructor(
    readonly verb: Verb,
    private readonly context: Context,
  ) {
    super(verb.path.split(' ').at(-1))
    this.description(verb.summary)
  }

  /** Loads the code; called again it does nothing. */
  configure(): Promise<void> {
    return (this.configured ??= this.load())
  }

  private async load(): Promise<void> {
    const { load, examples } = this.verb
    const configure = await load()
    configure(this, this.context)
    const lines = examples.map((example) => `  $ tidemark ${example}`)
    this.addHelpText('after', ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines].join('\n'))
  }
}
