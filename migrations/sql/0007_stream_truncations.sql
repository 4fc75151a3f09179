create table stream_truncations (
  tenant         text collate "C" not null default current_tenant(),
  stream_id      text collate "C" not null,
  before_version bigint not null check (before_version > 1),
  last_event_id  uuid not null,
  deleted_events bigint not null,
  truncated_at   timestamptz not null default clock_timestamp(),
  reason         text,
  actor          text,
  constraint stream_truncations_pkey primary key (tenant, stream_id, before_version)
);
comment on table stream_truncations is 'The tombstones of streams whose events below a version were deleted.';
comment on column stream_truncations.last_event_id is 'The event at before_version - 1: a snapshot that was taken there still fits the stream.';

create table truncated_events (
  position bigint not null,
  id       uuid not null,
  constraint truncated_events_pkey primary key (position)
);
comment on table truncated_events is 'What is left of deleted events: enough to prove that a checkpoint still fits the log.';

-- The events of the running statement's tenant, for functions of the owner, whom row-level security need not bind.
create view own_events as select * from events;
comment on view own_events is 'All events in a store without tenancy; those of the current tenant in one with it.';

-- Deletes the events of a stream below a version, in the caller's transaction, unless something speaks against it: then nothing
-- changes and `refusal` says what. With `dry_run` it only looks.
create function truncate_stream(
  stream text, before bigint, why text, who text,
  wanted_snapshot integer, without_snapshot boolean, even_if_unread boolean, dry_run boolean,
  out refusal text, out detail text, out deleted bigint
)
  language plpgsql volatile security definer
  set search_path from current
as $$
declare
  first_version bigint;
  last_version bigint;
  last_position bigint;
  last_id uuid;
begin
  -- One truncation at a time; readers of the tombstones go on.
  lock table stream_truncations in share row exclusive mode;
  deleted := 0;
  select min(version), max(version) into first_version, last_version from own_events where stream_id = stream;
  if last_version is null then
    refusal := 'no-stream';
  elsif before > last_version then
    refusal := 'last-event';
    detail := last_version;
  end if;
  if refusal is not null or before <= first_version then
    return;
  end if;
  select position, id into last_position, last_id from own_events where stream_id = stream and version = before - 1;
  if not even_if_unread then
    -- A table that was replaced may have nobody left who reads for it, one that appends or consumers keep reads nothing here, and an import's place is one in
    -- another table.
    select string_agg(c.name, ', ' order by c.name) into detail
      from checkpoints c
     where c.position < last_position and not starts_with(c.name, 'import:')
       and not exists (select from projections p where (p.status = 'previous' or p.inline or p.fed_by is not null) and c.name in (select shard_checkpoints(p.table_name, p.shards)));
    if detail is not null then
      refusal := 'unread';
      return;
    end if;
  end if;
  if not without_snapshot and not exists (
    select from snapshots s join own_events e on e.stream_id = s.stream_id and e.version = s.version and e.id = s.event_id
     where s.tenant = current_tenant() and s.stream_id = stream and s.version >= before - 1
       and s.snapshot_version = coalesce(wanted_snapshot, (select max(snapshot_version) from snapshots
                                                      where tenant = current_tenant() and stream_id = stream))
  ) then
    refusal := 'no-snapshot';
    return;
  end if;
  if not without_snapshot and exists (select from subject_streams s where s.tenant = current_tenant() and s.stream_id = stream) then
    refusal := 'personal-data';
    return;
  end if;
  if dry_run then
    return;
  end if;
  with gone as (
    delete from own_events where stream_id = stream and version < before returning position, id
  ), kept as (
    insert into truncated_events (position, id) select position, id from gone
  )
  select count(*) into deleted from gone;
  insert into stream_truncations (stream_id, before_version, last_event_id, deleted_events, reason, actor)
  values (stream, before, last_id, deleted, why, who);
end
$$;
comment on function truncate_stream is 'The only way to delete events; for the maintainer role.';
revoke all on function truncate_stream from public;
