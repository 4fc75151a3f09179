import { parseArgs } from 'node:util'
import { experiments } from './experiments/index.js'
import { groups, type Experiment, type Group } from './experiment.js'
import { UsageError } from './fault-lab-error.js'
import { mutants } from './mutants/index.js'

/** What the lab is asked to do. */
export type LabRequest =
  | { readonly action: 'help' }
  | { readonly action: 'check'; readonly folder: string }
  | {
      readonly action: 'run'
      readonly experiments: readonly Experiment[]
      readonly size: 'short' | 'full'
      /** Runs each experiment on its mutants, too, and on the workload that they must be found by. */
      readonly mutants: boolean
      readonly runs: number
      readonly seed: number
      readonly lanes: number
      readonly json: boolean
    }

/** What `--help` prints. */
export const usage = `npm run faults -- [<name>…] [--only <group>] [--short] [--mutants] [--runs N] [--seed S] [--lanes L] [--json]

Puts a real Postgres, and what runs on it, through faults, and checks the history that is left.

  <name>…         run these experiments; all of them unless named
  --only <group>  run the experiments of one group: ${groups.join(', ')}
  --short         small sizes, for CI
  --mutants       run the experiments that know broken variants, on each of them: every one must be caught
  --runs N        run each experiment N times, with seeds S, S + 1, …
  --seed S        repeat the random choices of an earlier run
  --lanes L       split bridges into L lanes, best a divisor of their three partitions
  --json          one line of JSON per run on stdout
  --check <dir>   check the history in a folder again, and run nothing

Experiments:
${experiments.map(({ name, group, summary }) => `  ${name.padEnd(24)}${group.padEnd(11)}${summary}`).join('\n')}

Mutants:
${mutants.map(({ name, experiment, defect }) => `  ${name.padEnd(28)}${experiment.padEnd(24)}${defect}`).join('\n')}

Exit codes: 0 all went well, 1 a promise is broken or a mutant survived, 2 the command cannot be used like this.`

/**
 * Reads the arguments of the lab.
 *
 * @throws {UsageError} an option or a name is unknown, or a number is none.
 */
export function parseArguments(args: readonly string[]): LabRequest {
  const { values, positionals } = parse(args)
  if (values.help) return { action: 'help' }
  if (values.check !== undefined) return { action: 'check', folder: values.check }
  const chosen = choose(positionals, values.only).filter(
    ({ name }) => !values.mutants || mutants.some(({ experiment }) => experiment === name),
  )
  if (chosen.length === 0)
    throw new UsageError('no experiment fits: `--help` lists the experiments, groups and mutants')
  return {
    action: 'run',
    experiments: chosen,
    size: values.short ? 'short' : 'full',
    mutants: values.mutants,
    runs: wholeNumber('--runs', values.runs, 1, 1),
    seed: wholeNumber('--seed', values.seed, 0, Math.floor(Math.random() * 1_000_000)),
    lanes: wholeNumber('--lanes', values.lanes, 1, 1),
    json: values.json,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', default: false },
        only: { type: 'string' },
        short: { type: 'boolean', default: false },
        mutants: { type: 'boolean', default: false },
        runs: { type: 'string' },
        seed: { type: 'string' },
        lanes: { type: 'string' },
        json: { type: 'boolean', default: false },
        check: { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function choose(names: readonly string[], only: string | undefined): readonly Experiment[] {
  const unknown = names.find((name) => !experiments.some((experiment) => experiment.name === name))
  if (unknown !== undefined) {
    throw new UsageError(
      `there is no experiment "${unknown}": there are ${experiments.map(({ name }) => name).join(', ')}`,
    )
  }
  if (only !== undefined && !isGroup(only)) {
    throw new UsageError(`there is no group "${only}": there are ${groups.join(', ')}`)
  }
  return experiments.filter(
    ({ name, group }) => (names.length === 0 || names.includes(name)) && (only === undefined || group === only),
  )
}

function isGroup(name: string): name is Group {
  return groups.some((group) => group === name)
}

function wholeNumber(option: string, text: string | undefined, least: number, otherwise: number): number {
  if (text === undefined) return otherwise
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least) {
    throw new UsageError(`${option} takes a whole number from ${least}, got "${text}"`)
  }
  return number
}
