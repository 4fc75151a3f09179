-- What tells this cluster, and this history of it, from another. The control file learns of a promotion with the first checkpoint
-- after it; the write-ahead log has its new timeline at once.
create function cluster_identity(out system_identifier bigint, out timeline integer)
  language sql stable security definer
  set search_path from current
as $$
  select s.system_identifier,
         case when pg_is_in_recovery() then c.timeline_id
              else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer end
    from pg_control_system() s, pg_control_checkpoint() c
$$;

-- Called once every checkpoint was found to fit the log: the epoch stays, on another cluster or timeline.
create function confirm_cluster(known_epoch uuid) returns void
  language sql volatile security definer
  set search_path from current
as $$
  update store s
     set system_identifier = c.system_identifier, timeline = c.timeline
    from cluster_identity() c
   where s.epoch = known_epoch
$$;

create table epochs (
  epoch             uuid not null,
  reason            text not null,
  last_position     bigint not null,
  system_identifier bigint not null,
  timeline          integer not null,
  began_at          timestamptz not null default clock_timestamp(),
  constraint epochs_pkey primary key (epoch)
);
comment on table epochs is 'Every epoch that the store had, why it began, and where the log ended then.';

insert into epochs (epoch, reason, last_position, system_identifier, timeline, began_at)
select epoch, 'the store was made', 0, system_identifier, timeline, created_at from store;
