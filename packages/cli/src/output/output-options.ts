import type { OutputFormat, OutputOptions } from './output.js'

const formats: readonly OutputFormat[] = ['table', 'json', 'ndjson']

/** How to write, read before the arguments are parsed, so that a mistake in them is told in the wanted form, too. */
export function outputOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  isTerminal: boolean,
): OutputOptions {
  const index = args.findIndex((arg) => arg === '-o' || arg === '--output')
  const asked =
    index >= 0 ? args[index + 1] : args.find((arg) => /^(-o|--output=)./.test(arg))?.replace(/^(-o|--output=)/, '')
  return {
    format: formats.find((format) => format === asked) ?? 'table',
    quiet: args.includes('-q') || args.includes('--quiet'),
    colours: wantsColours(environment, isTerminal),
  }
}

/** https://no-color.org and https://force-color.org, of which the first wins. */
function wantsColours({ NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (NO_COLOR) return false
  if (FORCE_COLOR) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTerminal && TERM !== 'dumb'
}
