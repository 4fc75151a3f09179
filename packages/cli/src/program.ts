import { Command, Option } from 'commander'
import type { Context } from './context.js'
import { VerbCommand } from './verbs/verb-command.js'
import { nouns, verbs } from './verbs/verbs.js'
import { versionOfPackage } from './version.js'

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
    .hook('preSubcommand', configureChosen)
  const parents = new Map<string, Command>([['', program]])
  for (const verb of verbs) {
    const [noun, name] = verb.path.split(' ')
    const parentName = name === undefined ? '' : (noun ?? '')
    let parent = parents.get(parentName)
    if (!parent) {
      parent = program
        .command(parentName)
        .description(nouns[parentName] ?? '')
        .hook('preSubcommand', configureChosen)
      parents.set(parentName, parent)
    }
    parent.addCommand(new VerbCommand(verb, context).copyInheritedSettings(parent))
  }
  return program
}

async function configureChosen(_parent: Command, chosen: Command): Promise<void> {
  if (chosen instanceof VerbCommand) await chosen.configure()
}
