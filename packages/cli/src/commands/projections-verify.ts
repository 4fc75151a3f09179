import { verifyProjection, type DriftedRow, type VerifyResult } from '@tidemark/projections'
import { Option, type Command } from 'commander'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { rowKey } from '../row-key.js'
import { readModelNamed } from './projections-rebuild.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly keys?: readonly string[]
  readonly sample?: number
  readonly all?: true
  readonly heal?: boolean
}

export const configureProjectionsVerify: ConfigureVerb = (verb, context) => {
  verb
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
    .action(async (name: string, { keys, sample, all, heal = false }: Options, command: Command) => {
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
      show(context, name, result)
      if (result.driftedRows > result.healed) context.ends.code = exitCode.unhealthy
    })
}

function show({ output }: Context, projection: string, result: VerifyResult): void {
  if (output.options.format !== 'table') return output.one({ projection, ...result })
  output.list<DriftedRow>(
    result.drifted,
    [
      ['key', ({ key }) => key],
      ['columns', (drift) => (drift.expected && drift.actual ? drift.columns.join(', ') : 'the row')],
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
function partOf(row: DriftedRow['actual'], columns: readonly string[]): unknown {
  return row && Object.fromEntries(columns.map((property) => [property, row[property]]))
}
