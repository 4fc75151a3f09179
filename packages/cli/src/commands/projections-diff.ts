import { Option, type Command } from 'commander'
import { diffProjection, type DifferentRow, type DiffOptions, type ProjectionDiff } from '@tidemark/projections'
import type { Context } from '../context.js'
import { withReadModels } from '../database/with-store.js'
import { exitCode } from '../exit-code.js'
import { interruptible } from '../interruptible.js'
import { wholeNumber } from '../numbers.js'
import { changeProjection, projectionPath } from '../server/projection-change.js'
import { serverOf, withServer } from '../server/through-server.js'
import type { Told } from '../server/told.js'
import { readModelNamed } from './projections-rebuild.js'
import type { ConfigureVerb } from '../verbs/verb.js'

interface Options {
  readonly server?: string
  readonly sample: number
  readonly with: NonNullable<DiffOptions['with']>
  readonly maxChanged?: number
}

/** A row that differs; a server gives no values. */
interface ShownRow extends Partial<DifferentRow> {
  readonly key: string
  readonly change: 'added' | 'removed' | 'changed'
  /** Those of both tables that differ; none where only one of them has the row. */
  readonly columns: readonly string[]
}

type Shown<Diff = ProjectionDiff> = Omit<Diff, 'sample'> & { readonly sample: readonly ShownRow[] }

export const configureProjectionsDiff: ConfigureVerb = (verb, context) => {
  withServer(verb)
    .argument('<projection>', 'its name')
    .option('--sample <n>', 'show at most so many of the rows that differ; a server shows 100 at most', wholeNumber, 20)
    .addOption(
      new Option('--with <table>', 'the table that waits to be promoted, or the one that was live before')
        .choices(['built', 'previous'])
        .default('built'),
    )
    .option('--max-changed <n>', 'end with 3 when more rows are added, changed and removed', wholeNumber)
    .action(async (name: string, options: Options, command: Command) => {
      const { sample, with: other, maxChanged } = options
      const server = serverOf(options, context)
      const input = { sample, with: other }
      const change = { projection: name, path: projectionPath(name, 'diff'), options: {}, input, changes: false }
      const diff = server
        ? await changeProjection<Shown<Told<ProjectionDiff>>>(server, change, context)
        : await compare(name, options, command, context)
      if (!diff) return
      show(context, name, diff)
      const changes = diff.added + diff.changed + diff.removed
      if (maxChanged === undefined || changes <= maxChanged) return
      context.output.note(`${changes} rows are not the same, ${maxChanged} may be`)
      context.ends.code = exitCode.unhealthy
    })
}

async function compare(
  name: string,
  { sample, with: other }: Options,
  command: Command,
  context: Context,
): Promise<Shown> {
  const diff = await withReadModels(command, context, (store, { loaded }) => {
    const projection = readModelNamed(loaded.config, name, 'that could be compared')
    return interruptible(
      (signal) => diffProjection(store, projection, { sample, with: other, signal }),
      'both tables are as they were',
    )
  })
  return { ...diff, sample: diff.sample.map(shownRow) }
}

function shownRow({ key, before, after }: DifferentRow): ShownRow {
  const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed'
  const columns = Object.keys(before ?? {}).filter((column) => {
    return after && column in after && JSON.stringify(before?.[column]) !== JSON.stringify(after[column])
  })
  return { key, change, columns, before, after }
}

function show({ output }: Context, projection: string, diff: Shown | Shown<Told<ProjectionDiff>>): void {
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
  output.list<ShownRow>(
    sample,
    [
      ['key', ({ key }) => key],
      ['change', ({ change }) => change],
      ['columns', ({ columns }) => columns.join(', ')],
      ['live', (row) => partOf(row, row.before)],
      [diff.other, (row) => partOf(row, row.after)],
    ],
    'no row differs',
  )
}

/** What differs; the whole row where the other table has none. */
function partOf({ change, columns }: ShownRow, row: DifferentRow['before']): unknown {
  if (!row || change !== 'changed') return row
  return Object.fromEntries(columns.map((column) => [column, row[column]]))
}
