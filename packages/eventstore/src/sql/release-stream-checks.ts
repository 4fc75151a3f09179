import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'release-stream-checks',
  text: (schema) => `select from ${schema}.release_stream_checks($1)`,
}

/** The type of the placeholders; an event of this type is refused everywhere else. */
export const checkType = '$check'

/** Takes away the placeholders that the current transaction made for streams that it only checks. */
export async function releaseStreamChecks(database: Database, placeholderIds: readonly string[]): Promise<void> {
  await run(database, statement, [placeholderIds])
}
