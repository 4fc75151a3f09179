-- The log. Run with the search_path set to the store's schema, so that one file serves any schema name.

create table store (
  singleton         boolean primary key default true check (singleton),
  epoch             uuid not null default gen_random_uuid(),
  system_identifier bigint not null,
  timeline          integer not null,
  tenancy           boolean not null default false,
  created_at        timestamptz not null default now()
);
comment on column store.tenancy is 'Whether streams belong to tenants; see enable_tenancy.';
comment on table store is 'The epoch of the store: changes when the log was restored to an earlier point, so that checkpoints are verified.';

insert into store (system_identifier, timeline)
select s.system_identifier, c.timeline_id from pg_control_system() s, pg_control_checkpoint() c;

-- The tenant that the running statement is for: always '' in a store without tenancy. With it, this function is replaced.
create function current_tenant() returns text language sql immutable parallel safe as $$ select '' $$;

create table events (
  position       bigint generated always as identity (cache 1 no cycle),
  version        bigint not null check (version > 0),
  recorded_at    timestamptz not null default clock_timestamp(),
  id             uuid not null,
  schema_version integer not null check (schema_version > 0),
  stream_id      text collate "C" not null,
  type           text collate "C" not null,
  data           json not null,
  metadata       json not null,
  constraint events_position_key primary key (position),
  constraint events_stream_id_version_key unique (stream_id, version),
  constraint events_id_key unique (id)
) with (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_freeze_min_age = 0);
comment on table events is 'The log: append-only, ordered by position, versions without holes within a stream.';

create index events_type_position_idx on events (type, position);

-- The fence: an appender announces, before it takes any position, the last position that was taken until then. Readers stay
-- below the lowest fence that is held, so that no position below what they have read can still be committed.
create function fence_append() returns trigger
  language plpgsql volatile security definer
  set search_path from current
as $$
declare
  last_position bigint;
  fence_setting constant text := 'tidemark.fence_' || tg_relid;
begin
  -- One fence per transaction. The setting is local, so that a rolled-back savepoint drops it together with the lock.
  if current_setting(fence_setting, true) is not distinct from pg_current_xact_id()::text then
    return null;
  end if;
  last_position := coalesce(pg_sequence_last_value('events_position_seq'), 0);
  perform pg_advisory_xact_lock_shared('events_position_seq'::regclass::oid::integer, last_position::bit(32)::integer);
  perform set_config(fence_setting, pg_current_xact_id()::text, true);
  -- A crash after an asynchronous commit would issue the same positions again.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- A stuck appender holds every reader: it is ended after 30 s of idling, unless the session is stricter already.
  if current_setting('idle_in_transaction_session_timeout') = '0'
     or current_setting('idle_in_transaction_session_timeout')::interval > interval '30 seconds' then
    perform set_config('idle_in_transaction_session_timeout', '30s', true);
  end if;
  return null;
end
$$;

create trigger events_fence before insert on events for each statement execute function fence_append();
alter table events enable always trigger events_fence;

-- The highest position that is safe to read, and who holds it back. The sequence is read first and the locks in a later
-- statement: a position at or below the sequence's value was taken under a fence that was held before the value was read.
create function safe_head(out last_position bigint, out safe_position bigint, out holder_pid integer)
  language plpgsql volatile security definer
  set search_path from current
as $$
declare
  fence bigint;
begin
  if pg_is_in_recovery() then
    raise exception 'the safe head cannot be read on a standby: fences are not visible there'
      using errcode = 'TM001', hint = 'Connect to the primary.';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the safe head cannot be read in a % transaction', current_setting('transaction_isolation')
      using errcode = 'TM002', hint = 'Read the head outside a transaction, or under READ COMMITTED.';
  end if;
  last_position := coalesce(pg_sequence_last_value('events_position_seq'), 0);
  -- The key holds the low 32 bits; the signed difference from the sequence gives the rest. A prepared transaction has no pid.
  select last_position + (l.objid::bigint - last_position)::bit(32)::integer, l.pid
    into fence, holder_pid
    from pg_locks l
   where l.locktype = 'advisory'
     and l.objsubid = 2
     and l.database = (select oid from pg_database where datname = current_database())
     and l.classid = 'events_position_seq'::regclass::oid
   order by 1
   limit 1;
  safe_position := least(last_position, fence);
  if safe_position = last_position then
    holder_pid := null;
  end if;
end
$$;
