import type { OptionWords, Words } from './command-words.js'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** What a shell reads to complete the command: `eval "$(tidemark completion bash)"`. */
export function completionScript(shell: Shell, words: Words): string {
  switch (shell) {
    case 'bash':
      return bashScript(words)
    case 'zsh':
      // zsh runs what was written for bash.
      return `#compdef tidemark\nautoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`
    case 'fish':
      return fishScript(words)
  }
}

function bashScript({ commands, globalOptions }: Words): string {
  const flagsOf = (options: readonly OptionWords[]) => options.flatMap(({ flags }) => flags).join(' ')
  const verbs = commands.filter(
    ({ parent, name }) => !commands.some((command) => command.parent === name && parent === ''),
  )
  const parents = [...new Set(commands.map(({ parent }) => parent))]
  const namesUnder = (parent: string) => commands.filter((command) => command.parent === parent).map(({ name }) => name)
  const valued = [...globalOptions, ...commands.flatMap(({ options }) => options)].filter(
    ({ takesValue }) => takesValue,
  )
  const before = globalOptions.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags)
  const chosen = new Map(
    valued.flatMap(({ flags, choices }) => (choices ? flags.map((flag) => [flag, choices.join(' ')] as const) : [])),
  )
  const free = [...new Set(valued.flatMap(({ flags, choices }) => (choices ? [] : flags)))]
  return `_tidemark() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${before.join('|')}) ((i++)) ;;
      -*) ;;
      *) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$before" in
${[...chosen].map(([flag, choices]) => `    ${flag}) COMPREPLY=($(compgen -W '${choices}' -- "$current")); return ;;`).join('\n')}
    ${free.join('|')}) return ;;
  esac
  case "$path" in
${parents.map((parent) => `    '${parent}') words='${namesUnder(parent).join(' ')}' ;;`).join('\n')}
  esac
  if [[ "$current" == -* ]]; then
    words='${flagsOf(globalOptions)} --help'
    case "$path" in
${verbs
  .filter(({ options }) => options.length > 0)
  .map(({ parent, name, options }) => {
    const path = parent === '' ? name : `${parent} ${name}`
    return `      '${path}'|'${path} '*) words="$words ${flagsOf(options)}" ;;`
  })
  .join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tidemark tidemark
`
}

function fishScript({ commands, globalOptions }: Words): string {
  const names = (parent: string) => commands.filter((command) => command.parent === parent).map(({ name }) => name)
  const lines = commands.map(({ parent, name, description }) => {
    const condition =
      parent === ''
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${parent}; and not __fish_seen_subcommand_from ${names(parent).join(' ')}`
    return `complete -c tidemark -f -n '${condition}' -a ${name} -d '${fishText(description)}'`
  })
  const optionLine =
    (condition: string) =>
    ({ flags, description, takesValue, choices }: OptionWords) => {
      const forms = flags
        .map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
        .join(' ')
      const value = takesValue ? (choices ? ` -x -a '${choices.join(' ')}'` : ' -r') : ''
      return `complete -c tidemark${condition} ${forms}${value} -d '${fishText(description)}'`
    }
  lines.push(...globalOptions.map(optionLine('')))
  for (const { parent, name, options } of commands) {
    const seen = [parent, name].filter((word) => word !== '').map((word) => `__fish_seen_subcommand_from ${word}`)
    lines.push(...options.map(optionLine(` -n '${seen.join('; and ')}'`)))
  }
  return `${lines.join('\n')}\n`
}

function fishText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}
