import { run, type Checkpoint, type CheckpointPlace, type Database, type Statement } from '@tidemark/eventstore'

/** A checkpoint of a bridge: all of it, or one lane's. */
export interface LaneCheckpoint extends CheckpointPlace {
  readonly name: string
  /** The process that has its lease, or would take it; undefined when there is none. */
  readonly owner: string | undefined
  /** Why it was paused; undefined unless it was. */
  readonly paused: string | undefined
}

type Row = [
  ...[name: string, position: string, eventId: string | null, epoch: string | null, owner: string | null],
  paused: string | null,
]

/** The checkpoints of a bridge: its name, alone or with a lane behind it. Other bridges' names have no slash. */
export const ofBridge = (checkpoint: string, bridge: string): string =>
  `(${checkpoint} = 'bridge:' || ${bridge} or starts_with(${checkpoint}, 'bridge:' || ${bridge} || '/'))`

const selectStatement: Statement = {
  name: 'select-lane-checkpoints',
  text: (schema) => `
select c.name, c.position, c.event_id, c.epoch,
       coalesce(case when c.lease_until > clock_timestamp() then c.owner end,
                (select min(s.owner) from ${schema}.subscribers s where s.lease_until > clock_timestamp() and c.name = any(s.checkpoints))),
       case when c.paused_at is not null then coalesce(c.pause_reason, '') end
  from ${schema}.checkpoints c
 where ${ofBridge('c.name', '$1')}
 order by c.name`,
}

/** Reads the checkpoints of a bridge, by name. */
export async function selectLaneCheckpoints(database: Database, bridge: string): Promise<LaneCheckpoint[]> {
  return (await run<Row>(database, selectStatement, [bridge])).map(
    ([name, position, eventId, epoch, owner, paused]) => ({
      ...{ name, position: BigInt(position), eventId: eventId ?? undefined, epoch: epoch ?? undefined },
      ...{ owner: owner ?? undefined, paused: paused ?? undefined },
    }),
  )
}

const lockStatement: Statement = {
  name: 'lock-bridge-lanes',
  text: (schema) => `select pg_advisory_xact_lock(hashtextextended('${schema} bridge ' || $1, 0))`,
}

/** Keeps others from making, pausing or replacing the checkpoints of a bridge until the end of the transaction. */
export async function lockLanes(database: Database, bridge: string): Promise<void> {
  await run(database, lockStatement, [bridge])
}

const deleteStatement: Statement = {
  name: 'delete-lane-checkpoints',
  text: (schema) => `
delete from ${schema}.checkpoints where name = any($1) and (owner is null or lease_until < clock_timestamp())
returning name`,
}

/** Does away with checkpoints that nobody has; returns their names. */
export async function deleteLaneCheckpoints(database: Database, names: readonly string[]): Promise<string[]> {
  return (await run<[string]>(database, deleteStatement, [names])).map(([name]) => name)
}

const insertStatement: Statement = {
  name: 'insert-lane-checkpoints',
  text: (schema) => `
insert into ${schema}.checkpoints (name, position, event_id, epoch, paused_at, pause_reason)
select name, $2, $3, $4, case when $5::text is not null then clock_timestamp() end, $5 from unnest($1::text[]) as n(name)`,
}

/** Makes checkpoints at one place; paused where there is a reason. */
export async function insertLaneCheckpoints(
  database: Database,
  names: readonly string[],
  { position, eventId, epoch, paused }: CheckpointPlace & { readonly paused: string | undefined },
): Promise<void> {
  await run(database, insertStatement, [names, position, eventId ?? null, epoch ?? null, paused ?? null])
}

const selectOwnerStatement: Statement = {
  name: 'select-owner-epoch',
  text: (schema) => `select 1 from ${schema}.checkpoints where name = $1 and owner_epoch = $2`,
}

/** Whether a checkpoint is still its owner's. */
export async function isStillOwned(
  database: Database,
  { name, ownerEpoch }: Pick<Checkpoint, 'name' | 'ownerEpoch'>,
): Promise<boolean> {
  return (await run(database, selectOwnerStatement, [name, ownerEpoch])).length > 0
}
