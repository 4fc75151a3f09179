import { verifyProjection, type DriftedRow, type VerifyResult } from '@tidemark/projections'
import { Option, type Command } from 'commander'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { rowKey } from '../row-key.js'
import { changeProjection, projectionPath } from '../server/projection-change.js'
import { serverOf, withServerChange, type ChangeOptions } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { readModelNamed } from './projections-rebuild.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options extends ChangeOptions {
  readonly keys?: readonly string[]
  readonly sample?: number
  readonly all?: true
  readonly heal?: boolean
}

/** A row that has drifted; a server gives no values. */
interface ShownRow extends Omit<DriftedRow, 'expected' | 'actual'>, Partial<Pick<DriftedRow, 'expected' | 'actual'>> {
  /** Whether the table lacks it, has it against the log, or has it otherwise. */
  readonly row: 'missing' | 'unexpected' | 'differs'
}

type Shown<Result = VerifyResult> = Omit<Result, 'drifted'> & { readonly drifted: readonly ShownRow[] }

export const configureProjectionsVerify: ConfigureVerb = (verb, context) => {
  withServerChange(verb)
    .argument('<projection>', 'its name')
    .addOption(
      new Option('--keys <list>', 'only the rows of these keys, with commas between them')
        .argParser((text) => text.split(','))
        .conflicts(['sample', 'all']),
    )
    .addOption(
      new Option('--sample <n>', 'about so many rows, chosen by chance; 1000 unless said')
        .argParser(wholeNumber)
        .conflicts(['all']),
    )
    .option('--all', 'all rows, and all that should be there')
    .option('--heal', 'write what the log says over rows that have drifted')
    .action(async (name: string, options: Options, command: Command) => {
      const { keys, sample, all, heal = false } = options
      const server = serverOf(options, context)
      const input = { keys, sample, all, heal }
      const change = { projection: name, path: projectionPath(name, 'verify'), options, input, changes: heal }
      const result = server
        ? await changeProjection<Shown<Told<VerifyResult>>>(server, change, context)
        : await verify(name, options, command, context)
      if (!result) return
      show(context, name, result)
      if (result.driftedRows > result.healed) context.ends.code = exitCode.unhealthy
    })
}

async function verify(
  name: string,
  { keys, sample, all, heal = false }: Options,
  command: Command,
  context: Context,
): Promise<Shown> {
  const result = await withReadModels(command, context, async (store, { loaded }) => {
    const projection = readModelNamed(loaded.config, name, 'to verify')
    const progress = context.output.progress(`verifying ${name}`)
    const startedAt = performance.now()
    try {
      return await interruptible(
        (signal) =>
          verifyProjection(store, projection, {
            ...(keys && { keys: keys.map((key) => rowKey(projection, key)) }),
            ...(sample !== undefined && { sample }),
            ...(all && { all }),
            ...{ heal, signal },
            onProgress: ({ checked, total }) => {
              const perSecond = (checked * 1000) / (performance.now() - startedAt)
              progress.update({ done: BigInt(checked), total: BigInt(total), perSecond })
            },
          }),
        'rows that were healed stay so, and nothing else was changed',
      )
    } finally {
      progress.end()
    }
  })
  return { ...result, drifted: result.drifted.map((row) => ({ ...row, row: whatOf(row) })) }
}

function whatOf({ expected, actual }: DriftedRow): ShownRow['row'] {
  if (actual === null) return 'missing'
  return expected === null ? 'unexpected' : 'differs'
}

function show({ output }: Context, projection: string, result: Shown | Shown<Told<VerifyResult>>): void {
  if (output.options.format !== 'table') return output.one({ projection, ...result })
  output.list<ShownRow>(
    result.drifted,
    [
      ['key', ({ key }) => key],
      ['columns', ({ row, columns }) => (row === 'differs' ? columns.join(', ') : 'the row')],
      ['by the log', ({ expected, columns }) => partOf(expected, columns)],
      ['in the table', ({ actual, columns }) => partOf(actual, columns)],
      ['healed', ({ healed }) => (healed ? 'yes' : 'no')],
    ],
    'every row that was checked is as the log says',
  )
  const { checked, position, driftedRows, healed, unverifiableRows } = result
  const counts = [`${checked} checked`, `${driftedRows} drifted`, `${healed} healed`]
  if (unverifiableRows > 0) counts.push(`${unverifiableRows} unverifiable, for their streams were truncated`)
  output.note(`${counts.join(', ')}; at position ${position}`)
}

/** What differs; the whole row where the other one is missing. */
function partOf(row: DriftedRow['actual'] | undefined, columns: readonly string[]): unknown {
  return row && Object.fromEntries(columns.map((property) => [property, row[property]]))
}
