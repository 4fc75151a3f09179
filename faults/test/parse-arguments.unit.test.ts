import { describe, expect, test } from 'vitest'
import { experiments } from '../src/experiments/index.js'
import { UsageError } from '../src/fault-lab-error.js'
import { mutants } from '../src/mutants/index.js'
import { parseArguments, usage } from '../src/parse-arguments.js'

const names = (args: string[]) => {
  const request = parseArguments(args)
  return request.action === 'run' ? request.experiments.map(({ name }) => name) : []
}

describe('the arguments of the lab', () => {
  test('nothing named means all experiments, in full, once', () => {
    expect(parseArguments([])).toMatchObject({ action: 'run', experiments, size: 'full', mutants: false, runs: 1 })
  })

  test('names and groups choose', () => {
    expect(names(['racing-appends', 'gap-hunter'])).toEqual(['gap-hunter', 'racing-appends'])
    expect(names(['--only', 'bridge'])).toEqual(
      experiments.filter(({ group }) => group === 'bridge').map(({ name }) => name),
    )
  })

  test('mutants leave out the experiments that have none', () => {
    const chosen = names(['--mutants'])
    expect(chosen).toEqual(expect.arrayContaining(['gap-hunter', 'write-skew', 'zombie-owners', 'dying-bridges']))
    expect(chosen).not.toContain('terminated-backends')
    expect(new Set(mutants.map(({ experiment }) => experiment))).toEqual(new Set(chosen))
    expect(() => parseArguments(['terminated-backends', '--mutants'])).toThrow('no experiment fits')
  })

  test('sizes, runs, seed and output are taken over', () => {
    const request = parseArguments(['--short', '--runs', '3', '--seed', '0', '--lanes', '2', '--json'])
    expect(request).toMatchObject({ size: 'short', runs: 3, seed: 0, lanes: 2, json: true })
  })

  test.each([[['gap-hunted']], [['--only', 'stores']], [['--runs', '0']], [['--seed', 'x']], [['--fast']]])(
    '%j is refused with a usage error',
    (args) => expect(() => parseArguments(args)).toThrow(UsageError),
  )

  test('the help names every experiment and mutant', () => {
    expect(parseArguments(['--help'])).toEqual({ action: 'help' })
    for (const { name } of [...experiments, ...mutants]) expect(usage).toContain(name)
  })
})

test('every mutant belongs to an experiment that requires one of the checks that catch it', () => {
  for (const { name, experiment, caughtBy } of mutants) {
    const { checks = [] } = experiments.find((candidate) => candidate.name === experiment) ?? {}
    expect(
      checks.some((check) => caughtBy.includes(check)),
      name,
    ).toBe(true)
  }
})
