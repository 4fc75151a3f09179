import type { Statement } from '../database.js'

/** Makes the checkpoint where it is missing, and takes it when its lease is free, expired or the caller's own; not while it is paused or to be tried later. */
export const claimCheckpoint: Statement = {
  name: 'claim-checkpoint',
  text: (schema) => `
insert into ${schema}.checkpoints as c (name, position, owner, owner_epoch, lease_until)
values ($1, 0, $2, 1, clock_timestamp() + $3 * interval '1 millisecond')
on conflict (name) do update
   set owner = excluded.owner, owner_epoch = c.owner_epoch + 1, lease_until = excluded.lease_until, updated_at = clock_timestamp()
 where (c.owner is null or c.lease_until < clock_timestamp() or c.owner = excluded.owner)
   and c.paused_at is null and (c.retry_at is null or c.retry_at <= clock_timestamp())
returning position, event_id, epoch, owner_epoch, failures`,
}

/** Takes a checkpoint on the same terms, and makes none. */
export const claimExistingCheckpoint: Statement = {
  name: 'claim-existing-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set owner = $2, owner_epoch = owner_epoch + 1, lease_until = clock_timestamp() + $3 * interval '1 millisecond', updated_at = clock_timestamp()
 where name = $1 and (owner is null or lease_until < clock_timestamp() or owner = $2)
   and paused_at is null and (retry_at is null or retry_at <= clock_timestamp())
returning position, event_id, epoch, owner_epoch, failures`,
}

/** Takes a checkpoint whoever has it; whether it is paused or to be tried later does not matter. */
export const takeCheckpoint: Statement = {
  name: 'take-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set owner = $2, owner_epoch = owner_epoch + 1, lease_until = clock_timestamp() + $3 * interval '1 millisecond', updated_at = clock_timestamp()
 where name = $1
returning position, event_id, epoch, owner_epoch, failures`,
}

/** Moves the checkpoint if owner and old position are still the caller's, and renews the lease. */
export const advanceCheckpoint: Statement = {
  name: 'advance-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set position = $4, event_id = $5, epoch = $6, error = null, failures = 0, retry_at = null, updated_at = clock_timestamp(),
       lease_until = clock_timestamp() + $7 * interval '1 millisecond'
 where name = $1 and owner_epoch = $2 and position = $3 and $4 >= position
returning 1`,
}

/** Gives the checkpoint up, so that another owner need not wait for the lease to end. */
export const releaseCheckpoint: Statement = {
  name: 'release-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints set owner = null, lease_until = null where name = $1 and owner_epoch = $2
returning 1`,
}

/** Notes why the subscriber does not get on, and from when on the batch may be tried again: the pauses double, up to $5 milliseconds. */
export const failCheckpoint: Statement = {
  name: 'fail-checkpoint',
  text: (schema) => `
update ${schema}.checkpoints
   set error = $3, failures = failures + 1, updated_at = clock_timestamp(),
       retry_at = clock_timestamp() + (0.5 + random()) * least($4 * 2 ^ least(failures, 20), $5) * interval '1 millisecond'
 where name = $1 and owner_epoch = $2
returning failures, ceil(extract(epoch from retry_at - clock_timestamp()) * 1000)`,
}

/** Takes checkpoints from whoever has them, and lets nobody have them until they are resumed. */
export const pauseCheckpoints: Statement = {
  name: 'pause-checkpoints',
  text: (schema) => `
update ${schema}.checkpoints
   set paused_at = clock_timestamp(), pause_reason = $2, owner = null, owner_epoch = owner_epoch + 1, lease_until = null
 where name = any($1) and paused_at is null
returning name`,
}

/** Lets checkpoints go on at once, whether they were paused or had failed. */
export const resumeCheckpoints: Statement = {
  name: 'resume-checkpoints',
  text: (schema) => `
update ${schema}.checkpoints
   set paused_at = null, pause_reason = null, error = null, failures = 0, retry_at = null, updated_at = clock_timestamp()
 where name = any($1) and (paused_at is not null or error is not null or retry_at is not null)
returning name`,
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
