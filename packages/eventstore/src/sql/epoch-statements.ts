import type { Statement } from '../database.js'

/** Begins an epoch on the present cluster, and writes down why. */
export const beginEpoch: Statement = {
  name: 'begin-epoch',
  text: (schema) => `
with begun as (
  update ${schema}.store s
     set epoch = gen_random_uuid(), system_identifier = c.system_identifier, timeline = c.timeline
    from ${schema}.cluster_identity() c
  returning s.epoch, s.system_identifier, s.timeline
)
insert into ${schema}.epochs (epoch, reason, last_position, system_identifier, timeline)
select epoch, $1, $2, system_identifier, timeline from begun
returning epoch`,
}

/** Takes the checkpoints that fit the log into the epoch, except those of some names. */
export const keepCheckpoints: Statement = {
  name: 'keep-checkpoints',
  text: (schema) =>
    `update ${schema}.checkpoints set epoch = $1, error = null where name <> all($2::text[]) returning name`,
}

/** Moves checkpoints back to a position, never forward, and takes them from whoever has them. */
export const rewindCheckpoints: Statement = {
  name: 'rewind-checkpoints',
  text: (schema) => `
update ${schema}.checkpoints c
   set position = least(c.position, $3),
       event_id = (select e.id
                     from (select position, id from ${schema}.events
                           union all
                           select position, id from ${schema}.truncated_events) e
                    where e.position <= least(c.position, $3) order by e.position desc limit 1),
       epoch = $1, owner = null, owner_epoch = c.owner_epoch + 1, lease_until = null, error = null, updated_at = clock_timestamp()
 where c.name = any($2)
returning c.name, c.position`,
}
