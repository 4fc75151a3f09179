import type { Option } from 'commander'
import { describe, expect, it } from 'vitest'
import type { Context } from '../src/context.js'
import { Output } from '../src/output/output.js'
import { createProgram } from '../src/program.js'
import { VerbCommand } from '../src/verbs/verb-command.js'
import { nouns, verbs } from '../src/verbs/verbs.js'

const options = { format: 'table', quiet: false, colours: false } as const
const output = new Output(process.stdout, process.stderr, options)
const context: Context = { output, environment: {}, cwd: '/', ends: { code: 0 } }
const global = createProgram(context).options

/** The words of an example, without what a shell does with its output. */
function wordsOf(example: string): string[] {
  const [command = ''] = example.split(/ [|>] /)
  return [...command.matchAll(/"[^"]*"|'[^']*'|\S+/g)].map(([word]) => word.replaceAll(/^["']|["']$/g, ''))
}

function optionOf(flag: string, known: readonly Option[]): Option | undefined {
  return known.find(({ short, long }) => short === flag || long === flag)
}

describe.each(verbs)('$path', (verb) => {
  it('says what it does, and how it is called', async () => {
    const command = new VerbCommand(verb, context)
    await command.configure()
    expect(verb.summary).toMatch(/^[^A-Z].{10,}[^.]$/)
    expect(verb.examples.length).toBeGreaterThan(0)
    expect(command.options.filter(({ description }) => description === '')).toEqual([])
    expect(command.registeredArguments.filter(({ description }) => description === '')).toEqual([])
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
    for (const example of verb.examples) expect(help).toContain(`$ tidemark ${example}`)
  })

  it('takes what its examples give it', async () => {
    for (const example of verb.examples) {
      const command = new VerbCommand(verb, context)
      await command.configure()
      const path = verb.path.split(' ')
      const words = wordsOf(example)
      expect(words.slice(0, path.length)).toEqual(path)
      const flags = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split('=')[0]!)
      expect(flags.filter((flag) => !optionOf(flag, [...command.options, ...global]))).toEqual([])
      const required = command.options.filter(({ mandatory }) => mandatory).map(({ long }) => long)
      expect(required.filter((flag) => !flags.includes(flag!))).toEqual([])
      const operands = words.slice(path.length).filter((word, index, all) => {
        const before = optionOf(all[index - 1] ?? '', [...command.options, ...global])
        return !word.startsWith('-') && !(before?.required || before?.optional)
      })
      const takes = command.registeredArguments
      expect(operands.length).toBeGreaterThanOrEqual(takes.filter(({ required }) => required).length)
      expect(operands.length).toBeLessThanOrEqual(takes.some(({ variadic }) => variadic) ? 99 : takes.length)
    }
  })
})

describe('the verbs', () => {
  it('have nouns that are described, and paths of their own', () => {
    const used = verbs.map(({ path }) => path.split(' ')).flatMap((words) => (words.length === 2 ? [words[0]] : []))
    expect([...new Set(used)].sort()).toEqual(Object.keys(nouns).sort())
    expect(new Set(verbs.map(({ path }) => path)).size).toBe(verbs.length)
  })
})
