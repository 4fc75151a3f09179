import { run, type Database, type Statement } from '../database.js'

const statement: Statement = {
  name: 'renew-leases',
  text: (schema) => `
with leases as (
  select * from unnest($1::text[], $2::bigint[], $3::float8[]) as l(name, owner_epoch, lease_ms)
), held as (
  select c.name, l.lease_ms
    from leases l join ${schema}.checkpoints c on c.name = l.name and c.owner_epoch = l.owner_epoch
     for update of c skip locked
), renewed as (
  update ${schema}.checkpoints c set lease_until = clock_timestamp() + held.lease_ms * interval '1 millisecond'
    from held where c.name = held.name
), here as (
  insert into ${schema}.subscribers as s (owner, checkpoints, lease_until)
  select owner, checkpoints, clock_timestamp() + lease_ms * interval '1 millisecond'
    from json_to_recordset($4::json) as r(owner text, checkpoints text[], lease_ms float8)
   order by owner
  on conflict (owner) do update set checkpoints = excluded.checkpoints, lease_until = excluded.lease_until
), gone as (
  delete from ${schema}.subscribers
   where owner in (select owner from ${schema}.subscribers where lease_until < clock_timestamp() - interval '1 minute' for update skip locked)
)
select owner, to_json(checkpoints) from ${schema}.subscribers where lease_until > clock_timestamp()
 union all
select null, json_agg(l.name) from leases l left join ${schema}.checkpoints c on c.name = l.name where c.owner_epoch is distinct from l.owner_epoch`,
}

/** A lease, and what proves that it is still the caller's. */
export interface HeldLease {
  readonly name: string
  readonly ownerEpoch: bigint
  readonly leaseMs: number
}

/** A program that shares checkpoints out with others. */
export interface Subscriber {
  readonly owner: string
  /** The checkpoints that it would take. */
  readonly checkpoints: readonly string[]
}

/** What a heartbeat finds. */
export interface Renewal {
  /** Who was there before. */
  readonly present: readonly Subscriber[]
  /** The names of the leases that somebody else was given meanwhile, or whose checkpoints are gone. */
  readonly lost: readonly string[]
}

/**
 * Renews leases, however many, and says who is here.
 *
 * A checkpoint that is locked is passed over: its owner is about to advance it, which renews its lease too, and the others must not wait for that.
 */
export async function renewLeases(
  database: Database,
  leases: readonly HeldLease[],
  here: readonly (Subscriber & { readonly leaseMs: number })[],
): Promise<Renewal> {
  const rows = await run<[string | null, string | null]>(database, statement, [
    leases.map(({ name }) => name),
    leases.map(({ ownerEpoch }) => ownerEpoch),
    leases.map(({ leaseMs }) => leaseMs),
    JSON.stringify(here.map(({ owner, checkpoints, leaseMs }) => ({ owner, checkpoints, lease_ms: leaseMs }))),
  ])
  const namesOf = (json: string | null) => JSON.parse(json ?? '[]') as string[]
  return {
    present: rows.flatMap(([owner, json]) => (owner === null ? [] : { owner, checkpoints: namesOf(json) })),
    lost: rows.flatMap(([owner, json]) => (owner === null ? namesOf(json) : [])),
  }
}

const leaveStatement: Statement = {
  name: 'delete-subscriber',
  text: (schema) => `delete from ${schema}.subscribers where owner = $1`,
}

/** Says that a program is gone, so that the others need not wait for its lease to end. */
export async function deleteSubscriber(database: Database, owner: string): Promise<void> {
  await run(database, leaveStatement, [owner])
}
