import type { Statement } from '../database.js'

/** Makes the checkpoint where it is missing, and takes it when its lease is free, expired or the caller's own. */
export const claimCheckpoint: Statement = {
  name: 'claim-checkpoint',
  text: (schema) => `
insert into ${schema}.checkpoints as c (name, position, owner, owner_epoch, lease_until)
values ($1, 0, $2, 1, clock_timestamp() + $3 * interval '1 millisecond')
on conflict (name) do update
   set owner = excluded.owner, owner_epoch = c.owner_epoch + 1, lease_until = excluded.lease_until, updated_at = clock_timestamp()
 where c.owner is null or c.lease_until < clock_timestamp() or c.owner = excluded.owner
returning position, event_id, epoch, owner_epoch`,
}

/** Moves the checkpoint if owner and old position are still the caller's, and renews the lease. */
export const advanceCheckpoint: Statement = {
  name: 'advance-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set position = $4, event_id = $5, epoch = $6, error = null, updated_at = clock_timestamp(),
       lease_until = clock_timestamp() + $7 * interval '1 millisecond'
 where name = $1 and owner_epoch = $2 and position = $3 and $4 >= position
returning 1`,
}

/** Renews the lease of an owner that had nothing to do. */
export const renewCheckpoint: Statement = {
  name: 'renew-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints set lease_until = clock_timestamp() + $3 * interval '1 millisecond'
 where name = $1 and owner_epoch = $2
returning 1`,
}

/** Gives the checkpoint up, so that another owner need not wait for the lease to end. */
export const releaseCheckpoint: Statement = {
  name: 'release-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints set owner = null, lease_until = null where name = $1 and owner_epoch = $2
returning 1`,
}

/** Notes why the subscriber does not get on. */
export const failCheckpoint: Statement = {
  name: 'fail-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints set error = $3, updated_at = clock_timestamp() where name = $1 and owner_epoch = $2
returning 1`,
}

/** All checkpoints whose name starts with a prefix. */
export const selectCheckpoints: Statement = {
  name: 'select-checkpoints',
  text: (schema) => `
select name, position, event_id, epoch, owner, owner_epoch, extract(epoch from lease_until)::float8, error, extract(epoch from updated_at)::float8
  from ${schema}.checkpoints
 where starts_with(name, $1)
 order by name`,
}
