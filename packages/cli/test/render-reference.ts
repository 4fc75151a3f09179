import type { Argument, Command, Option } from 'commander'
import { VerbCommand } from '../src/verbs/verb-command.js'

/** The reference page of the whole command line, as Markdown that is still to be formatted. */
export async function renderReference(program: Command): Promise<string> {
  const sections: string[] = []
  for (const child of program.commands) {
    if (child instanceof VerbCommand) {
      sections.push(await renderVerb(child, '##'))
      continue
    }
    sections.push(`## ${child.name()}\n\n${sentence(child.description())}`)
    for (const verb of child.commands) if (verb instanceof VerbCommand) sections.push(await renderVerb(verb, '###'))
  }
  return [
    '# The command line',
    'Every verb with its arguments, options and examples. Made from the code by a test; `tidemark <verb> --help` says the same. What belongs together is in [the guide](../guides/cli.md).',
    '## Options of every verb',
    program.options.map(renderOption).join('\n'),
    ...sections,
  ].join('\n\n')
}

async function renderVerb(verb: VerbCommand, heading: string): Promise<string> {
  await verb.configure()
  const { path, summary, examples } = verb.verb
  const operands = verb.registeredArguments
  const parts = [
    `${heading} ${path}`,
    sentence(summary),
    ['```sh', ...examples.map((example) => `tidemark ${example}`), '```'].join('\n'),
    [...operands.map(renderArgument), ...verb.options.map(renderOption)].join('\n'),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function renderArgument(argument: Argument): string {
  const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`
  return `- \`${name}\`: ${said(argument.description, argument.argChoices)}`
}

function renderOption(option: Option): string {
  const fallback: unknown = option.defaultValue
  const standard = ['string', 'number'].includes(typeof fallback)
    ? `; \`${fallback as string | number}\` unless said`
    : ''
  const needed = option.mandatory ? '; required' : ''
  return `- \`${option.flags}\`: ${said(option.description, option.argChoices)}${needed}${standard}`
}

function said(description: string, choices: readonly string[] | undefined): string {
  const text = description.replaceAll('<', '\\<')
  return choices ? `${text}: ${choices.map((choice) => `\`${choice}\``).join(', ')}` : text
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
