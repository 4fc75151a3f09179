import { Command, Option } from 'commander'
import { readFileSync } from 'node:fs'
import type { Context } from './context.js'
import type { Verb } from './verbs/verb.js'
import { nouns, verbs } from './verbs/verbs.js'

/**
 * The whole command line, ready to parse; errors are thrown, never printed.
 *
 * The code of a verb is loaded once the verb is chosen, so that help and a mistake need none of it.
 */
export function createProgram(context: Context): Command {
  const hasColours = () => context.output.options.colours
  const program = new Command('tidemark')
    .description('Event sourcing and CQRS on Postgres')
    .version(versionOfPackage(), '-V, --version')
    .addOption(new Option('-o, --output <format>', 'how data is written').choices(['table', 'json', 'ndjson']))
    .option('-q, --quiet', 'write data and errors only')
    .option('--yes', 'answer yes to every question')
    .option('--config <file>', 'the configuration, instead of the nearest tidemark.config.ts')
    .option('--debug', 'show where an error came from')
    .configureHelp({ showGlobalOptions: true, styleTitle: context.output.paint.bold })
    .configureOutput({ outputError: () => undefined, getOutHasColors: hasColours, getErrHasColors: hasColours })
    .exitOverride()
  const parents = new Map<string, Command>([['', program]])
  const described = new Map<Command, Verb>()
  const configureChosen = async (_parent: Command, chosen: Command) => {
    const verb = described.get(chosen)
    if (verb) await configureVerb(chosen, verb, context)
  }
  program.hook('preSubcommand', configureChosen)
  for (const verb of verbs) {
    const [name = '', noun = ''] = verb.path.split(' ').reverse()
    let parent = parents.get(noun)
    if (!parent) {
      parent = program
        .command(noun)
        .description(nouns[noun] ?? '')
        .hook('preSubcommand', configureChosen)
      parents.set(noun, parent)
    }
    described.set(parent.command(name).description(verb.summary), verb)
  }
  return program
}

/** Loads the code of a verb, and gives a command what it takes. */
export async function configureVerb(command: Command, { examples, load }: Verb, context: Context): Promise<void> {
  const configure = await load()
  configure(command, context)
  const lines = examples.map((example) => `  $ tidemark ${example}`)
  command.addHelpText('after', ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines].join('\n'))
}

function versionOfPackage(): string {
  const file = new URL('../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
