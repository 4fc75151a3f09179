import { NoSuchTableError, NotComparableError, PromoteBlockedError, TableBehindError } from '@tidemark/projections'
import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { explainError } from '../src/explain-error.js'

test.each([
  [new NoSuchTableError('totals', 1, 'built'), 'PROJECTIONS_NO_SUCH_TABLE', 2],
  [new TableBehindError('totals', 'totals_v1_1', 1), 'PROJECTIONS_TABLE_BEHIND', 4],
  [new NotComparableError('totals', 'no reason'), 'PROJECTIONS_NOT_COMPARABLE', 4],
  [new PromoteBlockedError('totals', 60, undefined), 'PROJECTIONS_PROMOTE_BLOCKED', 4],
])('%s ends with its exit code', (error, code, exitCode) => {
  expect(explainError(error, false)).toMatchObject({ code, exitCode })
})

test('a secret that was meant for an option is not repeated', () => {
  const said = "error: unknown option '--url=postgres://me:secret@db.example/shop'\n(Did you mean --help?)"
  const { message } = explainError(new CommanderError(1, 'commander.unknownOption', said), false)
  expect(message).toBe("unknown option '--url' (Did you mean --help?)")
})
