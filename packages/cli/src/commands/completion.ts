import { Argument, type Command } from 'commander'
import { wordsOfProgram } from '../completion/command-words.js'
import { completionScript, shells, type Shell } from '../completion/completion-script.js'
import type { ConfigureVerb } from '../verbs/verb.js'

export const configureCompletion: ConfigureVerb = (verb, { output }) => {
  verb
    .addArgument(new Argument('<shell>', 'whose completion').choices(shells))
    .action(async (shell: Shell, _options: unknown, command: Command) => {
      if (command.parent) output.raw(completionScript(shell, await wordsOfProgram(command.parent)))
    })
}
