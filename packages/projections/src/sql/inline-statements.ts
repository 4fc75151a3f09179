import { run, type CheckpointPlace, type Database, type Statement } from '@tidemark/eventstore'

/** The live table of a read model, as an appender or a consumer finds it. */
export interface LiveTable {
  readonly name: string
  readonly version: number
  /** Without its schema. */
  readonly table: string
  readonly inline: boolean
  readonly fedBy: string | undefined
}

const enterStatement: Statement = {
  name: 'enter-inline',
  text: (schema) => `select name, version, table_name, inline, fed_by from ${schema}.enter_inline($1)`,
}

/** Finds the live tables of read models, none of which is switched until the caller's transaction ends. */
export async function enterInline(database: Database, names: readonly string[]): Promise<LiveTable[]> {
  const rows = await run<[string, string, string, string, string | null]>(database, enterStatement, [names])
  return rows.map(([name, version, table, inline, fedBy]) => ({
    name,
    version: Number(version),
    table,
    inline: inline === 't',
    fedBy: fedBy ?? undefined,
  }))
}

const excludeStatement: Statement = {
  name: 'exclude-inline',
  text: (schema) => `select ${schema}.exclude_inline($1)`,
}

/** Waits until nobody is between {@link enterInline} and the end of the transaction, and keeps others from it until the caller's ends. */
export async function excludeInline(database: Database, name: string): Promise<void> {
  await run(database, excludeStatement, [name])
}

const markStatement: Statement = {
  name: 'mark-inline',
  text: (schema) =>
    `update ${schema}.projections set inline = true, updated_at = clock_timestamp() where table_name = $1`,
}

/** Notes that appends keep a live table up to date. */
export async function markInline(database: Database, table: string): Promise<void> {
  await run(database, markStatement, [table])
}

const markFedStatement: Statement = {
  name: 'mark-fed',
  text: (schema) =>
    `update ${schema}.projections set fed_by = $2, updated_at = clock_timestamp() where table_name = $1`,
}

/** Notes that a consumer group feeds a live table. */
export async function markFed(database: Database, table: string, feeder: string): Promise<void> {
  await run(database, markFedStatement, [table, feeder])
}

const withdrawStatement: Statement = {
  name: 'withdraw-checkpoints',
  text: (schema) => `
update ${schema}.checkpoints
   set owner = $2, owner_epoch = owner_epoch + 1, lease_until = '9999-12-31', error = null, failures = 0, retry_at = null,
       updated_at = clock_timestamp()
 where name = any($1)`,
}

/** Takes checkpoints from their owners, whose next move then fails, and lets nobody else claim them. */
export async function withdrawCheckpoints(database: Database, names: readonly string[], reason: string): Promise<void> {
  await run(database, withdrawStatement, [names, reason])
}

const placeStatement: Statement = {
  name: 'place-checkpoints',
  text: (schema) => `
update ${schema}.checkpoints
   set position = $2, event_id = $3, epoch = $4, owner = null, owner_epoch = owner_epoch + 1, lease_until = null,
       updated_at = clock_timestamp()
 where name = any($1)`,
}

/** Moves checkpoints to a place, for anybody to claim. */
export async function placeCheckpoints(
  database: Database,
  names: readonly string[],
  { position, eventId, epoch }: CheckpointPlace,
): Promise<void> {
  await run(database, placeStatement, [names, position, eventId ?? null, epoch ?? null])
}
