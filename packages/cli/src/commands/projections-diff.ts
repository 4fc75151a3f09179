import { Option, type Command } from 'commander'
import { diffProjection, type DifferentRow, type DiffOptions, type ProjectionDiff } from '@tidemark/projections'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { readModelNamed } from './projections-rebuild.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly sample: number
  readonly with: NonNullable<DiffOptions['with']>
  readonly maxChanged?: number
}

export const configureProjectionsDiff: ConfigureVerb = (verb, context) => {
  verb
    .argument('<projection>', 'its name')
    .option('--sample <n>', 'show at most so many of the rows that differ', wholeNumber, 20)
    .addOption(
      new Option('--with <table>', 'the table that waits to be promoted, or the one that was live before')
        .choices(['built', 'previous'])
        .default('built'),
    )
    .option('--max-changed <n>', 'end with 3 when more rows are added, changed and removed', wholeNumber)
    .action(async (name: string, { sample, with: other, maxChanged }: Options, command: Command) => {
      const diff = await withReadModels(command, context, (store, { loaded }) => {
        const projection = readModelNamed(loaded.config, name, 'that could be compared')
        return interruptible(
          (signal) => diffProjection(store, projection, { sample, with: other, signal }),
          'both tables are as they were',
        )
      })
      show(context, name, diff)
      const changes = diff.added + diff.changed + diff.removed
      if (maxChanged === undefined || changes <= maxChanged) return
      context.output.note(`${changes} rows are not the same, ${maxChanged} may be`)
      context.ends.code = exitCode.unhealthy
    })
}

function show({ output }: Context, projection: string, diff: ProjectionDiff): void {
  if (output.options.format !== 'table') return output.one({ projection, ...diff })
  const { sample, changedByColumn, addedColumns, removedColumns, ...counts } = diff
  const changed = Object.entries(changedByColumn).filter(([, rows]) => rows > 0)
  output.one({
    ...{ projection, ...counts },
    changedColumns: changed.map(([column, rows]) => `${column} (${rows})`).join(', '),
    addedColumns: addedColumns.join(', '),
    removedColumns: removedColumns.join(', '),
  })
  if (sample.length === 0) return
  output.text('')
  output.list<DifferentRow>(
    sample,
    [
      ['key', ({ key }) => key],
      ['change', ({ before, after }) => (before === undefined ? 'added' : after === undefined ? 'removed' : 'changed')],
      ['live', (row) => partOf(row, row.before)],
      [diff.other, (row) => partOf(row, row.after)],
    ],
    'no row differs',
  )
}

/** What differs; the whole row where the other table has none. */
function partOf({ before, after }: DifferentRow, row: DifferentRow['before']): unknown {
  if (!row || !before || !after) return row
  const differs = (column: string) => JSON.stringify(before[column]) !== JSON.stringify(after[column])
  return Object.fromEntries(Object.entries(row).filter(([column]) => differs(column)))
}
