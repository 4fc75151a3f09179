import { run, type Database, type Statement } from '@tidemark/eventstore'

const lockStatement: Statement = {
  name: 'lock-checkpoints',
  text: (schema) => `
select name, position from ${schema}.checkpoints where name = any($1) order by name for update`,
}

/** Locks checkpoints, so that nobody moves them until the transaction ends; always in the order of their names. */
export async function lockCheckpoints(database: Database, names: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await run<[string, string]>(database, lockStatement, [names])
  return new Map(rows.map(([name, position]) => [name, BigInt(position)]))
}

const retireStatement: Statement = {
  name: 'retire-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set owner = $2, owner_epoch = owner_epoch + 1, lease_until = '9999-12-31', updated_at = clock_timestamp()
 where name = $1`,
}

/** Takes a checkpoint from its owner, whose next move then fails, and lets nobody else have it. */
export async function retireCheckpoint(database: Database, name: string, reason: string): Promise<void> {
  await run(database, retireStatement, [name, reason])
}

const freeStatement: Statement = {
  name: 'free-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set owner = null, owner_epoch = owner_epoch + 1, lease_until = null, error = null, updated_at = clock_timestamp()
 where name = $1`,
}

/** Takes a checkpoint from its owner, for anybody to have. */
export async function freeCheckpoint(database: Database, name: string): Promise<void> {
  await run(database, freeStatement, [name])
}
